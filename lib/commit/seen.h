/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How commit_seen is filled. */
#ifndef COLDPATCH_COMMIT_SEEN_H
#define COLDPATCH_COMMIT_SEEN_H

#include "commit/commit.h"

/* A copy. */
void commit_seen_add_entry(struct commit_seen *seen, const struct layer_entry *entry);
void commit_seen_add_content(struct commit_seen *seen, size_t mount, uint64_t ino,
			     const struct digest *digest);
/* After the last content, before the first is looked for. */
void commit_seen_sort_contents(struct commit_seen *seen);

#endif
