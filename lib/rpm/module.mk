# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/rpm/bdb.c \
	lib/rpm/database.c \
	lib/rpm/ndb.c \
	lib/rpm/package_file.c \
	lib/rpm/rpm_files.c \
	lib/rpm/rpm_header.c \
	lib/rpm/rpm_keyring.c \
	lib/rpm/rpm_signature.c \
	lib/rpm/sqlite.c \
	lib/rpm/sqlite_memory.c \
	lib/rpm/wal.c
UNIT_TESTS += tests/unit/rpm_damage_test.c tests/unit/rpm_database_test.c tests/unit/rpm_header_test.c
FUZZERS += tests/fuzz/rpm_bdb.c tests/fuzz/rpm_header.c tests/fuzz/rpm_ndb.c tests/fuzz/rpm_wal.c
