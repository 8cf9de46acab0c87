# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/mirror/apt.c \
	lib/mirror/apt_index.c \
	lib/mirror/apt_suite.c \
	lib/mirror/beneath.c \
	lib/mirror/freshness.c \
	lib/mirror/gpgv.c \
	lib/mirror/highwater.c \
	lib/mirror/keyring.c \
	lib/mirror/manifest.c \
	lib/mirror/mirror.c \
	lib/mirror/apt_packages.c \
	lib/mirror/pool.c \
	lib/mirror/apt_release.c \
	lib/mirror/snapshot.c \
	lib/mirror/stage.c \
	lib/mirror/suits.c \
	lib/mirror/store.c
UNIT_TESTS += tests/unit/mirror_test.c tests/unit/release_test.c
FUZZERS += tests/fuzz/release.c
