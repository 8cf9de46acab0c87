/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The private copy of the guest's trees in which a sandbox works. */
#ifndef COLDPATCH_RUN_VIEW_H
#define COLDPATCH_RUN_VIEW_H

#include "base/monitor.h"
#include "fs/tree.h"

/* Ids that a user namespace of ours maps: [0, VIEW_IDS). */
#define VIEW_IDS 65536u

struct view_size {
	uint64_t bytes; /* of content, as allocated */
	uint64_t nodes;
};

/* What a copy would take.  ERROR_HOST for what no sandbox can hold: an id outside VIEW_IDS, named
 * with its path and the executor that can. */
int view_measure(struct tree *tree, const struct monitor *monitor, struct view_size *ret,
		 struct error *err);
/* Copies the tree into the empty directory, with every id moved up by `base`: in owners, in ACLs,
 * and as root of capabilities.  Not copied: security.* but capabilities, trusted.*, flags but
 * CAPTURE_INHERITED of directories.
 * Separate file systems of the guest become one. */
int view_copy(struct tree *tree, const char *directory, uint32_t base, uint64_t total_bytes,
	      const struct monitor *monitor, struct error *err);

#endif
