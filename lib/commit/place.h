/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a path lies: its file system, directory and name.  Every component but the last must be a
 * directory, not a symlink to one: a layer names real directories, so anything else means that it
 * does not fit this guest, and nothing is ever written through a link.
 */
#ifndef COLDPATCH_COMMIT_PLACE_H
#define COLDPATCH_COMMIT_PLACE_H

#include "fs/tree.h"

struct place {
	struct fs *fs; /* borrowed */
	size_t mount;
	uint64_t directory; /* 0: the path is the root of a mounted file system */
	const char *name;   /* within the path that was asked for */
	uint64_t ino;	    /* what is there; 0: nothing */
};

/* ERROR_BUG: a directory above it is missing or is none. */
int place_find(struct tree *tree, const char *path, struct place *ret, struct error *err);
/* Is some mount point at `path` or below? */
bool place_holds_mount(const struct tree *tree, const char *path);

#endif
