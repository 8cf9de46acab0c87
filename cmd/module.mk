# SPDX-License-Identifier: GPL-2.0-or-later
# PROGRAM_NAMES and NAME_SOURCES are read by the Makefile's `program` rule.
PROGRAM_NAMES += coldpatch
coldpatch_SOURCES := \
	cmd/apply.c \
	cmd/change_output.c \
	cmd/clone.c \
	cmd/doctor.c \
	cmd/export.c \
	cmd/history.c \
	cmd/head_options.c \
	cmd/hold.c \
	cmd/image_options.c \
	cmd/import.c \
	cmd/init.c \
	cmd/inspect.c \
	cmd/key.c \
	cmd/log.c \
	cmd/main.c \
	cmd/mirror.c \
	cmd/output.c \
	cmd/path.c \
	cmd/plan.c \
	cmd/plan_output.c \
	cmd/progress.c \
	cmd/prune.c \
	cmd/relocate.c \
	cmd/rollback.c \
	cmd/status.c \
	cmd/unhold.c \
	cmd/verify.c
