# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/mirror/apt/apt.c \
	lib/mirror/apt/index.c \
	lib/mirror/apt/packages.c \
	lib/mirror/apt/pool.c \
	lib/mirror/apt/release.c \
	lib/mirror/apt/suite.c \
	lib/mirror/beneath.c \
	lib/mirror/build.c \
	lib/mirror/freshness.c \
	lib/mirror/gpgv.c \
	lib/mirror/highwater.c \
	lib/mirror/keyring.c \
	lib/mirror/manifest.c \
	lib/mirror/mirror.c \
	lib/mirror/repomd/check.c \
	lib/mirror/repomd/cpe.c \
	lib/mirror/repomd/data.c \
	lib/mirror/repomd/href.c \
	lib/mirror/repomd/index.c \
	lib/mirror/repomd/primary.c \
	lib/mirror/repomd/repomd.c \
	lib/mirror/repomd/repository.c \
	lib/mirror/repomd/xml.c \
	lib/mirror/snapshot.c \
	lib/mirror/stage.c \
	lib/mirror/store.c \
	lib/mirror/suits.c \
	lib/mirror/trial.c
UNIT_TESTS += \
	tests/unit/mirror_store_test.c \
	tests/unit/mirror_test.c \
	tests/unit/mirror_trust_test.c \
	tests/unit/release_test.c \
	tests/unit/repomd_test.c
FUZZERS += tests/fuzz/release.c tests/fuzz/repomd.c
