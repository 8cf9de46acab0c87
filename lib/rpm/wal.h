/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The write-ahead log of SQLite (https://www.sqlite.org/fileformat2.html#walformat). */
#ifndef COLDPATCH_RPM_WAL_H
#define COLDPATCH_RPM_WAL_H

#include <stddef.h>

#include "base/error.h"

/* SQLite takes a log up to its first frame that is not as it was written, and says nothing about
 * the rest.  This tells a log that ends from one that is damaged: ERROR_IMAGE.  Untrusted input. */
int wal_check(const void *buf, size_t len, struct error *err);

#endif
