/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walking the joined tree.  Names are sorted by bytes in each directory. */
#include <string.h>
#include <sys/stat.h>

#include "fs/tree_impl.h"

struct child {
	char *name;
	uint64_t ino;
};

struct children {
	struct child *items;
	size_t n_items;
};

static void children_free(struct children *children)
{
	for (size_t i = 0; i < children->n_items; i++)
		free(children->items[i].name);
	free(children->items);
}

static int add_child(void *opaque, const char *name, uint64_t ino, struct error *err)
{
	struct children *children = opaque;
	struct child *child = ARRAY_ADD(children->items, children->n_items);

	(void)err;
	child->name = xstrdup(name);
	child->ino = ino;
	return 0;
}

static int compare_children(const void *a, const void *b)
{
	return strcmp(((const struct child *)a)->name, ((const struct child *)b)->name);
}

struct walk {
	struct tree *tree;
	tree_walk_callback *callback;
	void *opaque;
	struct buffer path;
	unsigned depth;
};

static int visit(struct walk *walk, const struct tree_node *node, struct error *err);

static int visit_child(struct walk *walk, const struct tree_node *dir, const struct child *child,
		       struct error *err)
{
	size_t before = walk->path.len;
	struct tree_node node;
	int result;

	if (before + strlen(child->name) + 1 > TREE_MAX_PATH)
		return error_set(err, ERROR_IMAGE, "path too long: %.200s...", walk->path.data);
	if (before > 1)
		buffer_putc(&walk->path, '/');
	buffer_puts(&walk->path, child->name);
	result = tree_node_open(walk->tree, dir->mount, child->ino, &node, err);
	if (result < 0)
		error_prefix(err, "%.300s", walk->path.data);
	else
		result = visit(walk, &node, err);
	walk->path.len = before;
	walk->path.data[before] = '\0';
	return result;
}

static int visit_children(struct walk *walk, const struct tree_node *dir, struct error *err)
{
	struct children children = {0};
	int result = fs_read_directory(dir->fs, dir->ino, add_child, &children, err);

	if (result < 0)
		error_prefix(err, "%.300s", walk->path.data);
	if (children.n_items)
		qsort(children.items, children.n_items, sizeof *children.items, compare_children);
	for (size_t i = 0; result == 0 && i < children.n_items; i++)
		result = visit_child(walk, dir, &children.items[i], err);
	children_free(&children);
	return result;
}

static int visit(struct walk *walk, const struct tree_node *node, struct error *err)
{
	int result = walk->callback(walk->opaque, walk->path.data, node, err);

	if (result < 0)
		return -1;
	if (result > 0 || !S_ISDIR(node->stat.mode))
		return 0;
	if (walk->depth == TREE_MAX_DEPTH)
		return error_set(err, ERROR_IMAGE, "directories too deep: %.200s...",
				 walk->path.data);
	walk->depth++;
	result = visit_children(walk, node, err);
	walk->depth--;
	return result;
}

static void start_path(struct buffer *path, const char *from)
{
	buffer_puts(path, from);
	while (path->len > 1 && path->data[path->len - 1] == '/')
		path->data[--path->len] = '\0';
}

int tree_walk(struct tree *tree, const char *from, tree_walk_callback *callback, void *opaque,
	      struct error *err)
{
	CLEANUP_BUFFER struct buffer path = {0};
	struct walk walk = {.tree = tree, .callback = callback, .opaque = opaque};
	struct tree_node node;
	int found = tree_lookup(tree, from, TREE_NOFOLLOW, &node, err);

	if (found < 0)
		return -1;
	if (!found)
		return error_set(err, ERROR_MISSING, "%.300s: no such file in the guest", from);
	start_path(&path, from);
	walk.path = path;
	path = (struct buffer){0};
	found = visit(&walk, &node, err);
	buffer_free(&walk.path);
	return found;
}
