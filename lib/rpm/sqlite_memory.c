/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index of a write-ahead log usually lies in memory that processes share; a connection that
 * locks exclusively keeps it to itself, so that methods of version 1 are enough
 * (https://www.sqlite.org/wal.html#noshm).
 */
#include "rpm/sqlite_memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct file {
	sqlite3_file base;
	const char *data;
	size_t len;
};

static int file_close(sqlite3_file *base)
{
	(void)base;
	return SQLITE_OK;
}

/* What lies behind the end reads as zeros. */
static int file_read(sqlite3_file *base, void *buf, int len, sqlite3_int64 offset)
{
	const struct file *file = (const struct file *)base;
	size_t want = (size_t)len, have = 0;

	if (offset >= 0 && (uint64_t)offset < file->len)
		have = file->len - (size_t)offset;
	if (have > want)
		have = want;
	if (have)
		memcpy(buf, file->data + offset, have);
	memset((char *)buf + have, 0, want - have);
	return have == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *buf, int len, sqlite3_int64 offset)
{
	(void)base;
	(void)buf;
	(void)len;
	(void)offset;
	return SQLITE_READONLY;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	(void)base;
	(void)size;
	return SQLITE_READONLY;
}

static int file_flags(sqlite3_file *base, int flags)
{
	(void)base;
	(void)flags;
	return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *ret)
{
	*ret = (sqlite3_int64)((const struct file *)base)->len;
	return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *base, int *ret)
{
	(void)base;
	*ret = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int operation, void *argument)
{
	(void)base;
	(void)operation;
	(void)argument;
	return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *base)
{
	(void)base;
	return 0;
}

static int file_characteristics(sqlite3_file *base)
{
	(void)base;
	return 0;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_flags,
	.xFileSize = file_size,
	.xLock = file_flags,
	.xUnlock = file_flags,
	.xCheckReservedLock = file_is_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
};

/* Temporary files and rollback journals are not to be had. */
static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
		    int *ret_flags)
{
	const struct sqlite_memory *memory = vfs->pAppData;
	struct file *file = (struct file *)base;
	bool log = flags & SQLITE_OPEN_WAL;

	(void)name;
	*file = (struct file){0};
	if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
		return SQLITE_CANTOPEN;
	file->base.pMethods = &methods;
	file->data = log ? memory->log : memory->database;
	file->len = log ? memory->log_len : memory->database_len;
	if (ret_flags)
		*ret_flags = SQLITE_OPEN_READONLY;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	(void)name;
	(void)sync;
	return SQLITE_READONLY;
}

/* Is there a log or a journal beside the database? */
static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	const struct sqlite_memory *memory = vfs->pAppData;
	size_t len = strlen(name);

	(void)flags;
	*ret = memory->log_len && len > 4 && strcmp(name + len - 4, "-wal") == 0;
	return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
	(void)vfs;
	snprintf(ret, (size_t)size, "%s", name);
	return SQLITE_OK;
}

/* Time and random numbers are those of the system's file system.  A connection keeps its file
 * system, so that the name need not stay known. */
int sqlite_memory_open(struct sqlite_memory *memory, sqlite3 **ret)
{
	const sqlite3_vfs *system = sqlite3_vfs_find(NULL);
	int status;

	*ret = NULL;
	if (!system)
		return SQLITE_CANTOPEN;
	snprintf(memory->name, sizeof memory->name, "memory-%p", (void *)memory);
	memory->vfs = *system;
	memory->vfs.iVersion = 1;
	memory->vfs.pNext = NULL;
	memory->vfs.szOsFile = sizeof(struct file);
	memory->vfs.zName = memory->name;
	memory->vfs.pAppData = memory;
	memory->vfs.xOpen = vfs_open;
	memory->vfs.xDelete = vfs_delete;
	memory->vfs.xAccess = vfs_access;
	memory->vfs.xFullPathname = vfs_full_path;
	status = sqlite3_vfs_register(&memory->vfs, 0);
	if (status == SQLITE_OK)
		status = sqlite3_open_v2("database", ret, SQLITE_OPEN_READONLY, memory->name);
	sqlite3_vfs_unregister(&memory->vfs);
	return status;
}
