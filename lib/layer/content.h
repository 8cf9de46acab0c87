/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The content of one regular file, from the guest or from a capture, seen the same way: data and
 * holes. */
#ifndef COLDPATCH_LAYER_CONTENT_H
#define COLDPATCH_LAYER_CONTENT_H

#include "base/digest.h"
#include "fs/fs.h"
#include "run/capture.h"

/* Borrows all it points to. */
struct content {
	uint64_t size;
	struct fs *fs; /* of the guest, with `ino`; NULL: of the capture, with the three below */
	uint64_t ino;
	int spool;
	const struct capture_extent *extents;
	size_t n_extents;
};

/* Data at [start, end). */
struct segment {
	uint64_t start, end;
};
/* In order, apart from each other, within the size. */
struct segments {
	struct segment *items;
	size_t n_items;
};
void segments_free(struct segments *segments);

int content_segments(const struct content *content, struct segments *ret, struct error *err);
/* Reads exactly len bytes that lie within one segment. */
int content_read(const struct content *content, void *buf, size_t len, uint64_t offset,
		 struct error *err);
/* Calls `each` for every piece of data in order. */
typedef int content_callback(void *opaque, const void *data, size_t len, uint64_t offset,
			     struct error *err);
int content_for_each(const struct content *content, const struct segments *segments,
		     content_callback *each, void *opaque, struct error *err);
/* SHA-256 of all bytes, holes read as zeros.  ERROR_IMAGE when a file with holes is larger than
 * CONTENT_SPARSE_MAX: zeros cost time too. */
#define CONTENT_SPARSE_MAX (64ULL << 30)
int content_digest(const struct content *content, const struct segments *segments,
		   struct digest *ret, struct error *err);
/* The same of a file of a guest, with all that it takes. */
int content_digest_file(struct fs *fs, uint64_t ino, uint64_t size, struct digest *ret,
			struct error *err);
/* 1 when both read the same, a hole like zeros; 0 when not; -1. */
int content_equal(const struct content *a, const struct content *b, struct error *err);

#endif
