/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/entry.h"

#include <string.h>

void layer_entry_clear(struct layer_entry *entry)
{
	free(entry->path);
	free(entry->target);
	fs_xattrs_free(&entry->xattrs);
	*entry = (struct layer_entry){0};
}

void layer_xattrs_add(struct fs_xattrs *xattrs, const char *name, const void *value, size_t size)
{
	struct fs_xattr *item = ARRAY_ADD(xattrs->items, xattrs->n_items);

	item->name = xstrdup(name);
	item->value = xmemdup(value, size);
	item->size = size;
}

static int compare_xattrs(const void *a, const void *b)
{
	return strcmp(((const struct fs_xattr *)a)->name, ((const struct fs_xattr *)b)->name);
}

void layer_xattrs_sort(struct fs_xattrs *xattrs)
{
	if (xattrs->n_items > 1)
		qsort(xattrs->items, xattrs->n_items, sizeof *xattrs->items, compare_xattrs);
}

void layer_xattrs_copy(struct fs_xattrs *to, const struct fs_xattrs *from)
{
	*to = (struct fs_xattrs){0};
	for (size_t i = 0; i < from->n_items; i++)
		layer_xattrs_add(to, from->items[i].name, from->items[i].value,
				 from->items[i].size);
}

void layer_entry_copy(struct layer_entry *to, const struct layer_entry *from)
{
	*to = *from;
	to->path = xstrdup(from->path);
	to->target = from->target ? xstrdup(from->target) : NULL;
	layer_xattrs_copy(&to->xattrs, &from->xattrs);
}

static bool component_valid(const char *name, size_t len)
{
	return len > 0 && len <= 255 && !(len == 1 && name[0] == '.') &&
	       !(len == 2 && name[0] == '.' && name[1] == '.');
}

bool layer_path_valid(const char *path)
{
	size_t len;

	if (path[0] != '/' || strlen(path) > LAYER_PATH_MAX)
		return false;
	if (path[1] == '\0')
		return true;
	for (const char *name = path; *name == '/'; name += len) {
		name++;
		len = strcspn(name, "/");
		if (!component_valid(name, len))
			return false;
	}
	return true;
}

bool layer_path_reserved(const char *path)
{
	return strstr(path, "/.wh.") != NULL;
}
