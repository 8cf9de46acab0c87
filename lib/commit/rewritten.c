/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commit/rewritten.h"

#include <string.h>

#include "base/memory.h"

struct reading {
	const struct monitor *monitor;
	struct commit_paths *paths;
};

static int add_path(void *opaque, const struct layer_entry *entry, struct error *err)
{
	struct reading *reading = opaque;

	if (entry->action != LAYER_REMOVE)
		*ARRAY_ADD(reading->paths->items, reading->paths->n_items) = xstrdup(entry->path);
	return monitor_check(reading->monitor, err);
}

static int pass_content(void *opaque, const void *data, size_t len, uint64_t offset,
			struct error *err)
{
	const struct reading *reading = opaque;

	(void)data;
	(void)len;
	(void)offset;
	return monitor_check(reading->monitor, err);
}

int commit_paths_add(struct commit_paths *paths, const struct layer *layer,
		     const struct monitor *monitor, struct error *err)
{
	struct reading reading = {monitor, paths};
	struct layer_visitor visitor = {add_path, pass_content, &reading};
	int status = layer_read(layer, &visitor, err);

	if (paths->n_items)
		qsort(paths->items, paths->n_items, sizeof *paths->items, strings_compare);
	return status;
}

bool commit_paths_has(const struct commit_paths *paths, const char *path)
{
	return paths && paths->n_items &&
	       bsearch(&path, paths->items, paths->n_items, sizeof *paths->items, strings_compare);
}

void commit_paths_free(struct commit_paths *paths)
{
	for (size_t i = 0; i < paths->n_items; i++)
		free(paths->items[i]);
	free(paths->items);
	*paths = (struct commit_paths){0};
}

void renumbered_add(struct renumbered *renumbered, const struct listing_node *was,
		    const struct listing_node *is)
{
	*ARRAY_ADD(renumbered->items, renumbered->n_items) =
		(struct renumbered_inode){is->path, is->mount, was->stat.ino, is->stat.ino};
}

static int compare_inodes(const void *a, const void *b)
{
	const struct renumbered_inode *x = a, *y = b;

	if (x->mount != y->mount)
		return x->mount < y->mount ? -1 : 1;
	return x->was < y->was ? -1 : x->was > y->was;
}

const char *renumbered_torn(struct renumbered *renumbered)
{
	const struct renumbered_inode *items = renumbered->items;

	if (renumbered->n_items)
		qsort(renumbered->items, renumbered->n_items, sizeof *items, compare_inodes);
	for (size_t i = 1; i < renumbered->n_items; i++)
		if (compare_inodes(&items[i - 1], &items[i]) == 0 && items[i - 1].is != items[i].is)
			return items[i].path;
	return NULL;
}

void renumbered_free(struct renumbered *renumbered)
{
	free(renumbered->items);
	*renumbered = (struct renumbered){0};
}
