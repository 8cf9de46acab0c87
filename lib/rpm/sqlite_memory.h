/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file system for SQLite that holds one database and its write-ahead log, both in memory and
 * never written.  So a log that was not yet copied into the database is honoured, by SQLite itself,
 * and no file is made anywhere.
 */
#ifndef COLDPATCH_RPM_SQLITE_MEMORY_H
#define COLDPATCH_RPM_SQLITE_MEMORY_H

#include <sqlite3.h>
#include <stddef.h>

/* Must outlive the connection, and stay where it is. */
struct sqlite_memory {
	const void *database, *log; /* borrowed */
	size_t database_len, log_len;
	sqlite3_vfs vfs; /* ours */
	char name[32];
};

/* What SQLite says; the caller closes *ret also when it failed. */
int sqlite_memory_open(struct sqlite_memory *memory, sqlite3 **ret);

#endif
