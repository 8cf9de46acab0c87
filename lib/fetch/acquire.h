/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bringing files into a directory.
 *
 *     DIRECTORY/PATH                    what was verified; put there by rename, so it is all there
 *     DIRECTORY/.fetch/partial/DIGEST   the beginning of a file with that digest
 *     DIRECTORY/.fetch/partial/DIGEST.since    when the server's file was last changed
 *
 * A partial file is known by the digest that the whole one is to have, so it is never continued
 * with the bytes of another.  What cannot be continued is begun anew in the same call.
 */
#ifndef COLDPATCH_FETCH_ACQUIRE_H
#define COLDPATCH_FETCH_ACQUIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/checksum.h"
#include "base/monitor.h"

#define FETCH_DIRECTORY ".fetch"

enum { ACQUIRE_MAX_UNKNOWN = 64 << 20 };

struct acquire_file {
	const char *source; /* "http://..." or the absolute path of a directory */
	const char *remote; /* path below it; "": itself; of a URL also "../" and what is beside */
	const char *path;   /* below the directory, safe */
	bool known; /* size and digest are; else whatever is there is taken, each time anew, of at
		     * most ACQUIRE_MAX_UNKNOWN bytes */
	uint64_t size;
	struct checksum checksum;
	bool optional; /* that the source has none is no failure */
	bool found;    /* out: it is at `path` now; false before */
	bool fetched;  /* out: it was not before; false before */
};

/* ERROR_MIRROR: a source does not answer or lacks a file; ERROR_TRUST: other bytes than the digest
 * names; in both cases the other files are there.  ERROR_BUSY: stopped.  Files are synced. */
int acquire_files(const char *directory, const char *proxy, struct acquire_file *files, size_t n,
		  const struct monitor *monitor, struct error *err);

#endif
