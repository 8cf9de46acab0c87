/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/listing.h"

#include <string.h>

#include "layer/entry.h"

static int compare_nodes(const void *a, const void *b)
{
	return strcmp(((const struct listing_node *)a)->path,
		      ((const struct listing_node *)b)->path);
}

struct listing_walk {
	struct listing *listing;
	struct tree *tree;
};

static int add_node(void *opaque, const char *path, const struct tree_node *node, struct error *err)
{
	struct listing_walk *walk = opaque;
	struct listing_node *new;

	if (layer_path_reserved(path))
		return error_set(err, ERROR_IMAGE,
				 "%s: names that begin with \".wh.\" cannot be in a layer", path);
	new = ARRAY_ADD(walk->listing->nodes, walk->listing->n_nodes);
	*new = (struct listing_node){
		.path = xstrdup(path),
		.fs = node->fs,
		.mount = node->mount,
		.mount_root = strcmp(path, tree_mountpoint(walk->tree, node->mount)) == 0,
		.stat = node->stat,
	};
	return 0;
}

int listing_read(struct listing *listing, struct tree *tree, struct error *err)
{
	struct listing_walk walk = {listing, tree};

	if (tree_walk(tree, "/", add_node, &walk, err) < 0)
		return -1;
	qsort(listing->nodes, listing->n_nodes, sizeof *listing->nodes, compare_nodes);
	return 0;
}

void listing_clear(struct listing *listing)
{
	for (size_t i = 0; i < listing->n_nodes; i++)
		free(listing->nodes[i].path);
	free(listing->nodes);
	*listing = (struct listing){0};
}

const struct listing_node *listing_find(const struct listing *listing, const char *path)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	struct listing_node key = {.path = copy};

	if (listing->n_nodes == 0)
		return NULL;
	return bsearch(&key, listing->nodes, listing->n_nodes, sizeof key, compare_nodes);
}

bool listing_same_inode(const struct listing_node *a, const struct listing_node *b)
{
	return a && b && a->mount == b->mount && a->stat.ino == b->stat.ino;
}

char *listing_read_target(const struct listing_node *node, struct error *err)
{
	return fs_read_link(node->fs, node->stat.ino, err);
}
