/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changed between a guest and the capture of its view. */
#ifndef COLDPATCH_LAYER_DIFF_H
#define COLDPATCH_LAYER_DIFF_H

#include "layer/content.h"
#include "layer/entry.h"

struct change {
	struct layer_entry entry; /* `content` is not taken yet */
	bool has_content;	  /* a regular file to be written in full */
	struct content content;	  /* borrows from the tree and the capture */
};

struct diff {
	struct change *changes; /* sorted by path */
	size_t n_changes;
};
void diff_free(struct diff *diff);
DEFINE_CLEANUP(struct diff, diff_free)

/* ERROR_IMAGE: a name begins with ".wh."; ERROR_GUEST: the run removed a mount point, or the
 * capture contradicts itself; ERROR_BUG: the capture and the guest do not belong together. */
struct diff *diff_make(struct tree *before, const struct capture *after,
		       const struct monitor *monitor, struct error *err);

#endif
