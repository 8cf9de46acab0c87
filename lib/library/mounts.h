/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is mounted where, by /proc/self/mountinfo (proc(5)): a mount may show a part of a file
 * system of which another one shows more. */
#ifndef COLDPATCH_LIBRARY_MOUNTS_H
#define COLDPATCH_LIBRARY_MOUNTS_H

#include <stddef.h>

struct mount {
	int id;
	char *device; /* "8:1", of the file system */
	char *root;   /* the directory of the file system that is mounted, "/" for all of it */
	char *point;  /* where */
};

struct mounts {
	struct mount *items;
	size_t n;
};

/* Start with {0}.  -1: /proc cannot be read. */
int mounts_load(struct mounts *ret);
void mounts_free(struct mounts *mounts);
#define CLEANUP_MOUNTS __attribute__((cleanup(mounts_free)))

/* The mount that the open file lies in; NULL: not known. */
const struct mount *mounts_of(const struct mounts *mounts, int fd);
/* The path of `part`'s root in `whole`, allocated; NULL: that does not show what is above it. */
char *mount_path_of(const struct mount *whole, const struct mount *part);

#endif
