/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's tree as an array sorted by whole paths, as captures and layers are sorted. */
#ifndef COLDPATCH_LAYER_LISTING_H
#define COLDPATCH_LAYER_LISTING_H

#include "fs/tree.h"

struct listing_node {
	char *path;
	struct fs *fs; /* borrowed from the tree */
	size_t mount;
	bool mount_root;
	struct fs_stat stat;
};

struct listing {
	struct listing_node *nodes; /* sorted by path, strcmp */
	size_t n_nodes;
};
/* ERROR_IMAGE: a name begins with ".wh.". */
int listing_read(struct listing *listing, struct tree *tree, struct error *err);
void listing_clear(struct listing *listing);
/* NULL when there is none. */
const struct listing_node *listing_find(const struct listing *listing, const char *path);
bool listing_same_inode(const struct listing_node *a, const struct listing_node *b);
char *listing_read_target(const struct listing_node *node, struct error *err);

#endif
