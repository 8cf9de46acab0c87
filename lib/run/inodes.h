/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of inodes with the first path each was seen at: hardlinks. */
#ifndef COLDPATCH_RUN_INODES_H
#define COLDPATCH_RUN_INODES_H

#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

struct inodes;

struct inodes *inodes_new(void);
void inodes_free(struct inodes *inodes);
DEFINE_CLEANUP(struct inodes, inodes_free)
/* The path it was added with, borrowed, or NULL when it is new and now added with this one. */
const char *inodes_find_or_add(struct inodes *inodes, size_t mount, uint64_t ino, const char *path);

#endif
