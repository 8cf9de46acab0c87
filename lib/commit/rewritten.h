/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was written again in a squash, and has to read as before though its inodes may be others. */
#ifndef COLDPATCH_COMMIT_REWRITTEN_H
#define COLDPATCH_COMMIT_REWRITTEN_H

#include "commit/commit.h"
#include "layer/listing.h"

bool commit_paths_has(const struct commit_paths *paths, const char *path);

/* Of a path that is in both trees: which inode it was, and which it is.  Start with {0}. */
struct renumbered {
	struct renumbered_inode {
		const char *path; /* borrowed */
		size_t mount;
		uint64_t was, is;
	} * items;
	size_t n_items;
};
/* Of names of one inode among several; others need not be added. */
void renumbered_add(struct renumbered *renumbered, const struct listing_node *was,
		    const struct listing_node *is);
/* NULL: names that were one inode are one inode.  That no further ones became the same is for the
 * number of names to tell. */
const char *renumbered_torn(struct renumbered *renumbered);
void renumbered_free(struct renumbered *renumbered);

#endif
