/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File systems that no back end reads in this process.  One appliance for all those of an image
 * mounts them, read-only and on throw-away overlays (so journals are replayed), and copies their
 * trees to a scratch disk of ours, an ext4, which is then read in their place.
 *
 * To write, the copy is written first, on an overlay of its own, and what was changed is noted.
 * When the last of the file systems is flushed, another appliance makes the same changes in the
 * real ones: it takes the nodes from the copy.  No code of the guest runs in either.
 *
 *     WORK_DIR/copies.IDENTITY/copies.img    "0/", "1/", ...: one directory for each tree
 *                              trees.json    which they are
 */
#ifndef COLDPATCH_FS_COPIES_H
#define COLDPATCH_FS_COPIES_H

#include "base/monitor.h"
#include "fs/fs.h"

/* What it takes. */
struct copies_host {
	const char *work_dir; /* private; copies stay there for whoever comes next */
	const char *identity; /* names the bytes of the image, in characters for a file name */
	const char *runner, *appliance_cache;
	bool may_launch;  /* else only what is there already is used */
	bool *ret_wanted; /* set when something else would have been; or NULL */
	const struct monitor *monitor;
};

/* A file system with fs_info.copied. */
struct copies_source {
	struct block *block; /* borrowed; until the copies are freed when they are written to */
	size_t disk;
	unsigned partition; /* 0: the whole disk */
	const char *type, *uuid, *label, *partuuid, *partlabel;
	char *const *nodes; /* what the guest calls the device, where it is a volume */
	size_t n_nodes;
};

/* One tree of one of them. */
struct copied_tree {
	size_t source;
	char *part; /* which of the trees of the file system (a subvolume), NULL: the usual one */
	char *problem;	       /* why it could not be mounted; then there is no copy of it */
	struct fs_space space; /* of the real file system */
};

struct copies;

/* Which trees are copied is told by `fstab`, or when it is NULL by the fstab that is found with an
 * operating system on one of them.  ERROR_MISSING when there are none yet and none may be made;
 * ERROR_HOST, ERROR_BUSY, ERROR_SPACE as appliance_run; ERROR_IMAGE: a tree could not be read. */
struct copies *copies_open(const struct copies_host *host, const struct copies_source *sources,
			   size_t n_sources, const char *fstab, bool writable, struct error *err);
/* File systems keep what they need of it. */
void copies_free(struct copies *copies);
DEFINE_CLEANUP(struct copies, copies_free)

size_t copies_n_trees(const struct copies *copies);
const struct copied_tree *copies_tree(const struct copies *copies, size_t tree);
/* A tree without a problem. */
struct fs *copies_fs(struct copies *copies, size_t tree, struct error *err);

/* The mount option, with its "=", that chooses a tree where file systems of a type have several; or
 * NULL. */
const char *copied_part_option(const char *type);

/* Where a copy lies, for an executor that takes it in the place of the real one: the path of the
 * disk, and the directory in it.  NULL when `fs` is no copy.  Both borrowed. */
const char *fs_copy_disk(const struct fs *fs, const char **ret_directory);

#endif
