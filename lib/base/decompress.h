/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decompression of untrusted bytes: in memory, with a limit on what comes out, or as a stream,
 * which takes no more memory the more there is. */
#ifndef COLDPATCH_BASE_DECOMPRESS_H
#define COLDPATCH_BASE_DECOMPRESS_H

#include <stddef.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/error.h"

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_XZ,
	COMPRESSION_ZSTD,
	COMPRESSION_BZIP2
};

/* Appends what `data` holds to `ret`.  More than `limit` bytes, or bytes that are not one whole
 * compressed stream (or several after another), is an error of `kind`; `ret` is then as it was. */
int decompress(const void *data, size_t len, enum compression compression, size_t limit,
	       enum error_kind kind, struct buffer *ret, struct error *err);

/* The same for what need not be kept: `each` gets it piece by piece.  Its -1 ends the walk. */
int decompress_each(const void *data, size_t len, enum compression compression, size_t limit,
		    enum error_kind kind,
		    int (*each)(void *opaque, const char *piece, size_t len, struct error *err),
		    void *opaque, struct error *err);

/* What the file holds, to be read from the start to the end; damage found on the way is an error of
 * the stream (ferror).  The caller limits what it takes, and closes.  NULL: it cannot be opened, or
 * not even its start is in the format, which is an error of `kind`. */
FILE *decompress_open(const char *path, enum compression compression, enum error_kind kind,
		      struct error *err);

#endif
