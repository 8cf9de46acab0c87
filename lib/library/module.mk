# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/library/base.c \
	lib/library/change.c \
	lib/library/commit.c \
	lib/library/generations.c \
	lib/library/heads.c \
	lib/library/info.c \
	lib/library/library.c \
	lib/library/owner.c \
	lib/library/policy.c \
	lib/library/recover.c \
	lib/library/staging.c \
	lib/library/template.c \
	lib/library/trash.c
UNIT_TESTS += tests/unit/library_test.c
