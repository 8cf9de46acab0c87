/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's file tree: several file systems joined at their mount points.  Paths are absolute,
 * inside the guest.  Symlinks are resolved against the guest's root and can never leave it; ".." at
 * the root is the root.
 */
#ifndef COLDPATCH_FS_TREE_H
#define COLDPATCH_FS_TREE_H

#include "base/buffer.h"
#include "base/monitor.h"
#include "fs/fs.h"

struct tree;

struct tree_node {
	struct fs *fs; /* borrowed */
	size_t mount;  /* index in the order of tree_mount calls */
	uint64_t ino;
	struct fs_stat stat;
};

struct tree *tree_new(void);
/* Owns `fs` from now on, also when it fails.  "/" first, then by depth; a mount point that does not
 * exist in the tree is ERROR_IMAGE. */
int tree_mount(struct tree *tree, const char *mountpoint, struct fs *fs, struct error *err);
/* Hands over a block device that one of the mounts lies on: freed with the tree, after the file
 * systems. */
void tree_own_block(struct tree *tree, struct block *block);
void tree_free(struct tree *tree);
DEFINE_CLEANUP(struct tree, tree_free)

size_t tree_n_mounts(const struct tree *tree);
const char *tree_mountpoint(const struct tree *tree, size_t mount);
struct fs *tree_fs(const struct tree *tree, size_t mount);

/* The mount that holds `path` by its prefix, symlinks not considered. */
size_t tree_mount_of(const struct tree *tree, const char *path);

enum tree_follow {
	TREE_NOFOLLOW,
	TREE_FOLLOW
}; /* what to do with a last component that is a symlink */
/* 1 found, 0 not there, -1 error (ERROR_IMAGE after 40 symlinks). */
int tree_lookup(struct tree *tree, const char *path, enum tree_follow follow, struct tree_node *ret,
		struct error *err);
/* Appends a regular file's content; ERROR_MISSING when not there, ERROR_IMAGE when not a regular
 * file or above `limit`. */
int tree_read_file(struct tree *tree, const char *path, size_t limit, struct buffer *ret,
		   struct error *err);

/* Depth first, names sorted by bytes, a directory before what is in it; crosses into mounted file
 * systems (the mounted root is reported, the directory it covers is not).  What lies below a mount
 * point on the covered file system is not reported. `path` is absolute and only valid during the
 * call; "/" comes first.  The callback returns 0 to go on, 1 to not descend into this directory, -1
 * (with *err made) to stop. */
typedef int tree_walk_callback(void *opaque, const char *path, const struct tree_node *node,
			       struct error *err);
int tree_walk(struct tree *tree, const char *from, tree_walk_callback *callback, void *opaque,
	      struct error *err);

#endif
