/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by tree.c and walk.c. */
#ifndef COLDPATCH_FS_TREE_IMPL_H
#define COLDPATCH_FS_TREE_IMPL_H

#include "fs/tree.h"

/* A hostile guest can have directories that contain themselves. */
#define TREE_MAX_PATH  65536
#define TREE_MAX_DEPTH 2048

/* Goes from a covered directory to the root that covers it; the last mount over it wins. */
void tree_enter_mount(const struct tree *tree, size_t *mount, uint64_t *ino);
/* The node there, through mounts. */
int tree_node_open(const struct tree *tree, size_t mount, uint64_t ino, struct tree_node *ret,
		   struct error *err);

#endif
