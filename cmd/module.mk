# SPDX-License-Identifier: GPL-2.0-or-later
# PROGRAM_NAMES and NAME_SOURCES are read by the Makefile's `program` rule.
PROGRAM_NAMES += coldpatch
coldpatch_SOURCES := \
	cmd/apply.c \
	cmd/doctor.c \
	cmd/image_options.c \
	cmd/inspect.c \
	cmd/key.c \
	cmd/main.c \
	cmd/mirror.c \
	cmd/output.c \
	cmd/plan.c \
	cmd/plan_output.c \
	cmd/progress.c \
	cmd/verify.c
