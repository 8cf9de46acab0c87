# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/plan/care.c \
	lib/plan/fit.c \
	lib/plan/patchset.c \
	lib/plan/plan.c \
	lib/plan/plan_json.c \
	lib/plan/space.c
UNIT_TESTS += tests/unit/patchset_test.c tests/unit/plan_test.c
