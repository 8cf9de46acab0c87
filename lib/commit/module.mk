# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/commit/apply.c \
	lib/commit/block_file.c \
	lib/commit/check_filesystem.c \
	lib/commit/check_guest.c \
	lib/commit/check_packages.c \
	lib/commit/check_tree.c \
	lib/commit/expected.c \
	lib/commit/place.c \
	lib/commit/remove.c \
	lib/commit/rewritten.c \
	lib/commit/seen.c
UNIT_TESTS += tests/unit/commit_guest_test.c tests/unit/commit_layer_test.c tests/unit/commit_test.c
