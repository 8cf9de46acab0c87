/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A layer: the difference between a guest and its view after a run, as a value.
 *
 * On disk: STORE/layers/DIGEST/layer.tar.zst and merge.json; DIGEST is sha256 over the two digests
 * (of the uncompressed tar and of merge.json).  The tar is deterministic and sorted, in the form of
 * OCI layers: whiteouts
 * `.wh.NAME`, opaque `.wh..wh..opq`, xattrs (SCHILY.xattr.*) and flags as pax records, all names of
 * a changed hardlink group, and COLDPATCH.metadata=1 on an entry that differs in metadata only (it
 * has no content).
 */
#ifndef COLDPATCH_LAYER_LAYER_H
#define COLDPATCH_LAYER_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/monitor.h"
#include "fs/tree.h"
#include "run/capture.h"

enum layer_action {
	LAYER_REMOVE,	/* the path, and all below it, is gone */
	LAYER_METADATA, /* same inode and content; mode, owner, times, flags, xattrs as given */
	LAYER_REPLACE,	/* what is there (if anything) is replaced by this; a directory stays the
			 * directory it was  unless `opaque` */
	LAYER_LINK,	/* another name of the inode at `target` (absolute path in this layer) */
};

struct layer_entry {
	enum layer_action action;
	char *path; /* absolute, bytes */
	bool opaque;
	struct fs_stat stat; /* mode, owner, size, mtime, rdev, flags */
	struct fs_xattrs xattrs;
	char *target;	       /* symlink target, or the path of the first name for LAYER_LINK */
	struct digest content; /* of a regular file */
};

/* What a layer is, without its content. */
struct layer {
	struct digest digest, tar_digest, merge_digest;
	uint64_t content_bytes; /* sum of file sizes */
	uint64_t n_entries;
	uint64_t n_removed;
	uint64_t stored_bytes;
	char *directory;  /* STORE/layers/DIGEST */
	char *unlabelled; /* why the guest is to give its files SELinux labels at its next boot;
			     NULL: it need not, or the layer was opened and not made */
};
void layer_free(struct layer *layer);
DEFINE_CLEANUP(struct layer, layer_free)
json_t *layer_to_json(const struct layer *layer);

/* Compares, labels what changed by the guest's own SELinux policy, and stores.  ERROR_IMAGE: a
 * guest name begins with ".wh.", or a file system does not keep what was put there (limits.h). */
struct layer *layer_make(const char *store, struct tree *before, const struct capture *after,
			 const struct monitor *monitor, struct error *err);
/* ERROR_MISSING; ERROR_TRUST when its bytes are not what its name says (checked while reading, by
 * the end of layer_read). */
struct layer *layer_open(const char *store, const struct digest *digest, struct error *err);

/* Reads entries in order.  `entry` is only valid during the call; content comes in pieces through
 * `content` after its entry, in order of offset, holes left out.  Both return 0 or -1 with *err
 * made. */
struct layer_visitor {
	int (*entry)(void *opaque, const struct layer_entry *entry, struct error *err);
	int (*content)(void *opaque, const void *data, size_t len, uint64_t offset,
		       struct error *err);
	void *opaque;
};
int layer_read(const struct layer *layer, const struct layer_visitor *visitor, struct error *err);

#endif
