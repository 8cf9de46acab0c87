/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The three forms that rpm's table of packages has on disk, each read from memory, record by
 * record. Untrusted input: every bound is checked, and whatever is not exactly as rpm leaves it (a
 * page, a slot or a row that nothing leads to, a list that is cut short) is ERROR_IMAGE, because a
 * record that is quietly not found would be a package that is quietly not updated.
 */
#ifndef COLDPATCH_RPM_READER_H
#define COLDPATCH_RPM_READER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The number is rpm's own, never 0; the blob is only valid during the call.  -1 ends the reading.
 */
typedef int rpm_record_callback(void *opaque, uint32_t number, const void *blob, size_t len,
				struct error *err);

/* Berkeley DB, access method hash: the file Packages (bdb.c says what its form is). */
int bdb_read(const void *buf, size_t len, rpm_record_callback *each, void *opaque,
	     struct error *err);

/* rpm's own: the file Packages.db. */
int ndb_read(const void *buf, size_t len, rpm_record_callback *each, void *opaque,
	     struct error *err);

/* SQLite: the file rpmdb.sqlite and its write-ahead log, of which nothing may have been copied into
 * the file yet; `log_len` is 0 where there is none. */
int sqlite_read(const void *buf, size_t len, const void *log, size_t log_len,
		rpm_record_callback *each, void *opaque, struct error *err);

#endif
