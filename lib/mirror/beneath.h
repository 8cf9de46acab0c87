/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening and walking below a directory that is not ours: a mirror's tree is data, and no symbolic
 * link in it may lead out of it. */
#ifndef COLDPATCH_MIRROR_BENEATH_H
#define COLDPATCH_MIRROR_BENEATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

/* A relative path of plain names: not empty, no leading '/', no empty, "." or ".." part, no control
 * bytes. */
bool beneath_is_safe(const char *path);

/* Opens read-only (`flags` are added).  ERROR_MISSING when it is not there, ERROR_TRUST when a
 * symbolic link in `path` leads out of `root`.  The descriptor, or -1. */
int beneath_open(int root, const char *path, int flags, struct error *err);

/* Appends a regular file of at most `limit` bytes; longer, or something else, is ERROR_TRUST. */
int beneath_read(int root, const char *path, size_t limit, struct buffer *ret, struct error *err);

/* The paths of all files below a directory, relative to `root`, sorted. */
struct beneath_list {
	char **paths;
	size_t n_paths;
};
void beneath_list_free(struct beneath_list *list);
#define CLEANUP_BENEATH_LIST __attribute__((cleanup(beneath_list_free)))

/* Adds every file below `path` (a directory, else it is added itself if it is there; absent is
 * fine) down to `depth` levels.  Directories are followed through at most one symbolic link that
 * stays inside. */
int beneath_walk(int root, const char *path, int depth, struct beneath_list *list,
		 struct error *err);
void beneath_list_sort(struct beneath_list *list);
bool beneath_list_has(const struct beneath_list *list, const char *path);

#endif
