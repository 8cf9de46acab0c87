/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The extended attributes of one inode, as a value. */
#include <string.h>

#include "fs/fs.h"

void fs_xattrs_free(struct fs_xattrs *xattrs)
{
	for (size_t i = 0; i < xattrs->n_items; i++) {
		free(xattrs->items[i].name);
		free(xattrs->items[i].value);
	}
	free(xattrs->items);
	*xattrs = (struct fs_xattrs){0};
}

static bool xattr_equal(const struct fs_xattr *a, const struct fs_xattr *b)
{
	return strcmp(a->name, b->name) == 0 && a->size == b->size &&
	       (a->size == 0 || memcmp(a->value, b->value, a->size) == 0);
}

bool fs_xattrs_equal(const struct fs_xattrs *a, const struct fs_xattrs *b)
{
	if (a->n_items != b->n_items)
		return false;
	for (size_t i = 0; i < a->n_items; i++)
		if (!xattr_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}
