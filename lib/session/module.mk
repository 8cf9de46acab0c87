# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/session/apply.c \
	lib/session/apply_record.c \
	lib/session/apply_summary.c \
	lib/session/background.c \
	lib/session/checkers.c \
	lib/session/config.c \
	lib/session/confine.c \
	lib/session/confine_calls.c \
	lib/session/confine_mounts.c \
	lib/session/confine_paths.c \
	lib/session/confinements.c \
	lib/session/content.c \
	lib/session/digests.c \
	lib/session/doctor.c \
	lib/session/fetch.c \
	lib/session/fetch_acquire.c \
	lib/session/fetch_indexes.c \
	lib/session/fetch_packages.c \
	lib/session/fetch_suites.c \
	lib/session/image.c \
	lib/session/mirror.c \
	lib/session/outputs.c \
	lib/session/record.c \
	lib/session/session.c \
	lib/session/stages.c \
	lib/session/state_dir.c \
	lib/session/strings.c \
	lib/session/subject.c \
	lib/session/task.c \
	lib/session/task_commit.c \
	lib/session/task_fetch.c \
	lib/session/task_inspect.c \
	lib/session/task_layer.c \
	lib/session/task_mirror.c \
	lib/session/task_payload.c \
	lib/session/task_resolve.c \
	lib/session/task_verify.c \
	lib/session/want.c \
	lib/session/worker.c \
	lib/session/workspace.c
UNIT_TESTS += tests/unit/confine_test.c tests/unit/doctor_test.c tests/unit/session_test.c
