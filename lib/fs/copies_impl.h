/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What copies.c, copied.c and copies_launch.c share. */
#ifndef COLDPATCH_FS_COPIES_IMPL_H
#define COLDPATCH_FS_COPIES_IMPL_H

#include "base/buffer.h"
#include "base/json.h"
#include "disk/image.h"
#include "fs/copied_type.h"
#include "fs/copies.h"
#include "fs/fs_ops.h"

#define COPIES_IMAGE "copies.img"
#define COPIES_TREES "trees.json"

struct copies_tree {
	struct copied_tree info;
	char *directory; /* its name on the scratch disk */
	uint64_t root;
	bool changed; /* there are changes of it */
};

struct copies {
	size_t n_refs;
	struct copies_host host; /* owned strings */
	struct copies_source *sources;
	size_t n_sources;
	char *directory, *image_path;
	struct copies_tree *trees;
	size_t n_trees;
	struct image *image, *overlay; /* when written to */
	struct block *block;
	struct fs *ext; /* on `block`: all trees */
	bool writable;
	size_t n_open, n_flushed; /* of the writable ones */
	struct buffer changes;	  /* as cmd/runner/copy_in.c takes them */
	uint64_t new_node;	  /* the last change is that this inode is new; 0: it is another */
	struct inode_names *names;
};

/* copied.c: one tree. */
struct copied {
	struct fs base;
	struct copies *copies;
	size_t tree;
};
extern const struct fs_ops copied_ops;

/* Which names lead to an inode: the last one it was looked up, or made, by. */
struct inode_names;
struct inode_names *inode_names_new(void);
void inode_names_free(struct inode_names *names);
void inode_names_set(struct inode_names *names, uint64_t ino, uint64_t directory, const char *name);
/* "etc/fstab", from below `root`; "" for root itself. */
int inode_names_path(const struct inode_names *names, uint64_t root, uint64_t ino,
		     struct buffer *ret, struct error *err);

/* copies_launch.c: makes DIRECTORY/copies.img and trees.json, as runner's copy-out left them. */
int copies_launch_out(const struct copies *copies, const char *fstab, struct error *err);
/* Makes the changes in the real file systems. */
int copies_launch_in(struct copies *copies, struct error *err);

#endif
