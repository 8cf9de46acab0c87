/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content of files in the result, read back and compared with the layer's as the layer is read.
 * Layer and files are read once: what was read back is digested on the way, for the check against
 * the packages.
 */
#ifndef COLDPATCH_COMMIT_READBACK_H
#define COLDPATCH_COMMIT_READBACK_H

#include "commit/commit.h"
#include "layer/listing.h"

/* "after the commit PATH has another WHAT than it should", ERROR_BUG; -1. */
int commit_differs(struct error *err, const char *path, const char *what);

/* All zeros at first. */
struct readback {
	const struct listing_node *file; /* NULL: none is compared at the moment */
	uint64_t at;
	struct digest_context *digest;	 /* of [0, at); NULL once a hole was skipped */
	struct commit_content *contents; /* of the files that have been read whole */
	size_t n_contents;
	char *chunk;
};
void readback_free(struct readback *readback);

/* The next file; the one before is finished. */
void readback_begin(struct readback *readback, const struct listing_node *file);
/* The file has these bytes at `offset`, and zeros before them from where the last ones ended. */
int readback_compare(struct readback *readback, const void *data, size_t len, uint64_t offset,
		     struct error *err);
/* Nothing but zeros follows.  Fine where no file was begun. */
int readback_finish(struct readback *readback, struct error *err);

#endif
