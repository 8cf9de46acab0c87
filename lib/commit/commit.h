/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing a layer into fresh overlays, and proving that what is there now is parent plus layer.
 * Executes nothing from the guest.
 */
#ifndef COLDPATCH_COMMIT_COMMIT_H
#define COLDPATCH_COMMIT_COMMIT_H

#include "base/monitor.h"
#include "disk/image.h"
#include "fs/tree.h"
#include "layer/layer.h"
#include "package/payload.h"
#include "plan/plan.h"

/* What the layer says, and what was found of it in the result: each is read once, for all that look
 * at it.  Start with {0}. */
struct commit_seen {
	struct layer_entry *entries; /* of the layer, in its order: by commit_apply_layer */
	size_t n_entries;
	/* Contents of files in the layer, as they were read back, by commit_check_tree; sorted by
	 * mount and inode. */
	struct commit_content {
		size_t mount;
		uint64_t ino;
		struct digest digest;
	} * contents;
	size_t n_contents;
};
void commit_seen_free(struct commit_seen *seen);
/* NULL when it is not a file of the layer. */
const struct digest *commit_seen_content(const struct commit_seen *seen, size_t mount,
					 uint64_t ino);

/* Applies the layer to a tree opened writable and flushes every file system of it.  `ret`, where it
 * is not NULL, gets its entries. */
int commit_apply_layer(struct tree *tree, const struct layer *layer, const struct monitor *monitor,
		       struct commit_seen *ret, struct error *err);

/* The paths that layers write.  Start with {0}. */
struct commit_paths {
	char **items; /* sorted */
	size_t n_items;
};
/* Reads all of the layer: ERROR_TRUST when its bytes are not what its name says. */
int commit_paths_add(struct commit_paths *paths, const struct layer *layer,
		     const struct monitor *monitor, struct error *err);
void commit_paths_free(struct commit_paths *paths);

struct commit_comparison {
	struct tree *parent, *result;
	/* Of a squash, what earlier layers wrote once more: these may be other inodes than the
	 * parent's, and their content is compared.  Else NULL. */
	const struct commit_paths *rewritten;
	const struct monitor *monitor;
};
/* The new tree equals parent tree plus layer, path by path: type, owner, mode, mtime, target,
 * xattrs, hardlinks, and content digest of every path in the layer, which is `seen`; paths that are
 * not in the layer: metadata and inode extents.  ERROR_BUG names the first difference. */
int commit_check_tree(const struct commit_comparison *comparison, struct commit_seen *seen,
		      struct error *err);

/* `e2fsck -fn` (or what the file system's own checker is) on one file system of an image.
 * ERROR_IMAGE when not clean. */
int commit_check_filesystem(struct block *block, const char *type, const char *work_dir,
			    struct error *err);

struct commit_report {
	char **warnings; /* paths outside packages' own, ... */
	size_t n_warnings;
};
void commit_report_free(struct commit_report *report);

struct commit_guests {
	const struct guest *before, *after;
	struct tree *before_tree, *after_tree;
	const struct package_state *state_before;
	const struct plan *plan;
	const struct package_payloads *payloads;
	const struct package_family *family, *family_after; /* the latter may be NULL */
	const struct commit_seen *seen;			    /* of `after_tree` */
};

/* All but the two above: the guest can be patched again (`before` can: it has no blockers), package
 * database equals the plan's end state, nothing half-configured, files of changed packages match,
 * kernels have initramfs and entry, default root exists, identity unchanged, unexpected paths. */
int commit_check_guest(const struct commit_guests *guests, struct commit_report *ret,
		       struct error *err);

#endif
