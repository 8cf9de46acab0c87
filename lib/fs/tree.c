/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The joined tree.  A lookup keeps the nodes from the root to where it is, so that ".." goes back
 * the way it came (out of a mounted file system too) and never above the root, and what is left of
 * the path as text, into which the targets of symlinks are put.
 */
#include "fs/tree.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "fs/tree_impl.h"

#define MAX_LINKS 40

struct mount {
	char *path;
	struct fs *fs;
	/* What it covers; not set for "/". */
	size_t parent;
	uint64_t covered;
};

struct tree {
	struct mount *mounts;
	size_t n_mounts;
	struct block **blocks;
	size_t n_blocks;
};

struct tree *tree_new(void)
{
	return xcalloc(1, sizeof(struct tree));
}

void tree_own_block(struct tree *tree, struct block *block)
{
	*ARRAY_ADD(tree->blocks, tree->n_blocks) = block;
}

void tree_free(struct tree *tree)
{
	if (!tree)
		return;
	for (size_t i = 0; i < tree->n_mounts; i++) {
		fs_free(tree->mounts[i].fs);
		free(tree->mounts[i].path);
	}
	for (size_t i = 0; i < tree->n_blocks; i++)
		block_free(tree->blocks[i]);
	free(tree->mounts);
	free(tree->blocks);
	free(tree);
}

size_t tree_n_mounts(const struct tree *tree)
{
	return tree->n_mounts;
}

const char *tree_mountpoint(const struct tree *tree, size_t mount)
{
	return tree->mounts[mount].path;
}

struct fs *tree_fs(const struct tree *tree, size_t mount)
{
	return tree->mounts[mount].fs;
}

size_t tree_mount_of(const struct tree *tree, const char *path)
{
	size_t best = 0;

	for (size_t i = 1; i < tree->n_mounts; i++)
		if (path_is_below(path, tree->mounts[i].path) &&
		    strlen(tree->mounts[i].path) >= strlen(tree->mounts[best].path))
			best = i;
	return best;
}

void tree_enter_mount(const struct tree *tree, size_t *mount, uint64_t *ino)
{
	size_t i = tree->n_mounts;

	while (i-- > 1) {
		if (tree->mounts[i].parent != *mount || tree->mounts[i].covered != *ino)
			continue;
		*mount = i;
		*ino = fs_root(tree->mounts[i].fs);
		i = tree->n_mounts; /* this root may be covered in turn */
	}
}

int tree_node_open(const struct tree *tree, size_t mount, uint64_t ino, struct tree_node *ret,
		   struct error *err)
{
	struct tree_node node = {0};

	tree_enter_mount(tree, &mount, &ino);
	node.fs = tree->mounts[mount].fs;
	node.mount = mount;
	node.ino = ino;
	if (fs_stat(node.fs, ino, &node.stat, err) < 0)
		return -1;
	*ret = node;
	return 0;
}

struct lookup {
	struct tree *tree;
	struct tree_node *way; /* from the root to where it is; never empty */
	size_t depth;
	char *rest; /* of the path */
	unsigned links;
};

static const struct tree_node *top(const struct lookup *lookup)
{
	return &lookup->way[lookup->depth - 1];
}

static int push(struct lookup *lookup, const struct tree_node *node, struct error *err)
{
	if (lookup->depth == TREE_MAX_DEPTH)
		return error_set(err, ERROR_IMAGE, "path too deep");
	lookup->way[lookup->depth++] = *node;
	return 0;
}

/* Puts the target of a symlink in front of what is left of the path. */
static int follow_link(struct lookup *lookup, const struct tree_node *link, const char *rest,
		       struct error *err)
{
	CLEANUP_FREE char *target = NULL;
	char *joined;

	if (++lookup->links > MAX_LINKS)
		return error_set(err, ERROR_IMAGE, "too many levels of symbolic links");
	target = fs_read_link(link->fs, link->ino, err);
	if (!target)
		return -1;
	if (strlen(target) + strlen(rest) > TREE_MAX_PATH)
		return error_set(err, ERROR_IMAGE, "path too long");
	joined = xasprintf("%s%s", target, rest);
	free(lookup->rest);
	lookup->rest = joined;
	if (target[0] == '/')
		lookup->depth = 1;
	return 0;
}

/* One name below the directory on top.  1: went there, 0: there is no such name. */
static int step(struct lookup *lookup, const char *name, const char *rest, enum tree_follow follow,
		struct error *err)
{
	const struct tree_node *dir = top(lookup);
	struct tree_node node;
	uint64_t ino;
	char *left;

	if (fs_lookup(dir->fs, dir->ino, name, &ino, err) < 0)
		return -1;
	if (!ino)
		return 0;
	if (tree_node_open(lookup->tree, dir->mount, ino, &node, err) < 0)
		return -1;
	if (S_ISLNK(node.stat.mode) && (follow == TREE_FOLLOW || *rest))
		return follow_link(lookup, &node, rest, err) < 0 ? -1 : 1;
	if (push(lookup, &node, err) < 0)
		return -1;
	left = xstrdup(rest);
	free(lookup->rest);
	lookup->rest = left;
	return 1;
}

static void skip(struct lookup *lookup, size_t n)
{
	memmove(lookup->rest, lookup->rest + n, strlen(lookup->rest + n) + 1);
}

/* Takes one component off the path.  1: go on, 0: not there. */
static int advance(struct lookup *lookup, enum tree_follow follow, struct error *err)
{
	size_t slashes = strspn(lookup->rest, "/"), len;
	char name[256];

	skip(lookup, slashes);
	len = strcspn(lookup->rest, "/");
	if (len == 0)
		return 1;
	if (!S_ISDIR(top(lookup)->stat.mode))
		return 0;
	if (len >= sizeof name)
		return 0;
	memcpy(name, lookup->rest, len);
	name[len] = '\0';
	if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		return step(lookup, name, lookup->rest + len, follow, err);
	if (name[1] && lookup->depth > 1)
		lookup->depth--;
	skip(lookup, len);
	return 1;
}

static int run(struct lookup *lookup, enum tree_follow follow, struct tree_node *ret,
	       struct error *err)
{
	struct tree_node root;

	if (tree_node_open(lookup->tree, 0, fs_root(lookup->tree->mounts[0].fs), &root, err) < 0 ||
	    push(lookup, &root, err) < 0)
		return -1;
	while (*lookup->rest) {
		bool wants_directory = lookup->rest[strspn(lookup->rest, "/")] == '\0';
		int found = advance(lookup, follow, err);

		if (found <= 0)
			return found;
		if (wants_directory && !S_ISDIR(top(lookup)->stat.mode))
			return 0;
	}
	*ret = *top(lookup);
	return 1;
}

int tree_lookup(struct tree *tree, const char *path, enum tree_follow follow, struct tree_node *ret,
		struct error *err)
{
	struct lookup lookup = {.tree = tree};
	int found;

	if (!tree->n_mounts || path[0] != '/')
		return error_set(err, ERROR_BUG, "%s: not an absolute path", path);
	if (strlen(path) > TREE_MAX_PATH)
		return 0;
	lookup.way = xcalloc(TREE_MAX_DEPTH, sizeof *lookup.way);
	lookup.rest = xstrdup(path);
	found = run(&lookup, follow, ret, err);
	free(lookup.way);
	free(lookup.rest);
	return found < 0 ? error_prefix(err, "%.300s", path) : found;
}

static int cover(struct tree *tree, const char *mountpoint, struct mount *mount, struct error *err)
{
	struct tree_node node;
	int found;

	if (tree->n_mounts == 0 && strcmp(mountpoint, "/") != 0)
		return error_set(err, ERROR_BUG, "%s is mounted before /", mountpoint);
	if (tree->n_mounts == 0)
		return 0;
	found = tree_lookup(tree, mountpoint, TREE_FOLLOW, &node, err);
	if (found < 0)
		return -1;
	if (!found || !S_ISDIR(node.stat.mode))
		return error_set(err, ERROR_IMAGE,
				 "the mount point %s is not a directory of the guest", mountpoint);
	mount->parent = node.mount;
	mount->covered = node.ino;
	return 0;
}

int tree_mount(struct tree *tree, const char *mountpoint, struct fs *fs, struct error *err)
{
	struct mount mount = {.fs = fs};

	if (cover(tree, mountpoint, &mount, err) < 0) {
		fs_free(fs);
		return -1;
	}
	mount.path = xstrdup(mountpoint);
	*ARRAY_ADD(tree->mounts, tree->n_mounts) = mount;
	return 0;
}

static int read_node(const struct tree_node *node, struct buffer *ret, struct error *err)
{
	uint64_t offset = 0;

	while (offset < node->stat.size) {
		char *to = buffer_reserve(ret, (size_t)(node->stat.size - offset));
		ssize_t n = fs_read(node->fs, node->ino, to, (size_t)(node->stat.size - offset),
				    offset, err);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
		offset += (uint64_t)n;
	}
	return 0;
}

int tree_read_file(struct tree *tree, const char *path, size_t limit, struct buffer *ret,
		   struct error *err)
{
	struct tree_node node;
	size_t before = ret->len;
	int found = tree_lookup(tree, path, TREE_FOLLOW, &node, err);

	if (found < 0)
		return -1;
	if (!found)
		return error_set(err, ERROR_MISSING, "%.300s: no such file in the guest", path);
	if (!S_ISREG(node.stat.mode))
		return error_set(err, ERROR_IMAGE, "%.300s: not a regular file", path);
	if (node.stat.size > limit)
		return error_set(err, ERROR_IMAGE, "%.300s: larger than %zu bytes", path, limit);
	if (read_node(&node, ret, err) < 0) {
		ret->len = before;
		if (ret->data)
			ret->data[before] = '\0';
		return error_prefix(err, "%.300s", path);
	}
	return 0;
}
