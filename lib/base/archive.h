/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading ar, tar and cpio archives (plain, gzip, bzip2, lzma, xz, zstd; also behind the lead and
 * headers of a .rpm), entry by entry, without writing anything anywhere.  An entry's content can
 * itself be walked as an archive, which is how a .deb is read.
 * Untrusted input: formats and filters are named, sizes are limited, paths are only reported.
 */
#ifndef COLDPATCH_BASE_ARCHIVE_H
#define COLDPATCH_BASE_ARCHIVE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct archive_item {
	const char *path;     /* as the archive spells it */
	const char *hardlink; /* the path of an earlier entry whose content this is, or NULL; in
				 cpio the content may come with either */
	mode_t type;	      /* S_IFREG, S_IFDIR, ...: of mode only the type */
	uint64_t size;	      /* bytes, as the archive says */
};

struct archive_limits {
	uint64_t bytes; /* of content read in all */
	uint64_t entries;
};

struct archive_stream;

/* Returns 0 to go on, 1 to end the walk early, -1 with *err made.  `content` is the entry's. */
typedef int archive_item_callback(void *opaque, const struct archive_item *item,
				  struct archive_stream *content, struct error *err);

/* Walks the archive at `path`; `what` names it in messages.  A damaged archive, one of another
 * format and one above the limits are errors of `kind`. */
int archive_walk(const char *path, const struct archive_limits *limits, enum error_kind kind,
		 archive_item_callback *each, void *opaque, struct error *err);
/* The same for the content of an entry of another archive, under the same limits. */
int archive_walk_nested(struct archive_stream *content, archive_item_callback *each, void *opaque,
			struct error *err);
/* Reads on in an entry's content: the number of bytes, 0 at its end, -1. */
ssize_t archive_stream_read(struct archive_stream *content, void *buf, size_t len,
			    struct error *err);

#endif
