/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/names.h"

#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

void package_names_free(struct package_names *names)
{
	for (size_t i = 0; i < names->n_items; i++)
		free(names->items[i]);
	free(names->items);
}

static int add_name(void *opaque, const char *name, uint64_t ino, struct error *err)
{
	struct package_names *names = opaque;
	size_t len = strlen(name), suffix = strlen(names->suffix);

	(void)ino;
	if (len <= suffix || strcmp(name + len - suffix, names->suffix) != 0)
		return 0;
	if (names->n_items >= names->limit)
		return error_set(err, ERROR_IMAGE, "too many files in one directory");
	*ARRAY_ADD(names->items, names->n_items) = xstrdup(name);
	return 0;
}

int package_names_read(struct tree *tree, const char *directory, struct package_names *names,
		       struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(tree, directory, TREE_FOLLOW, &node, err);

	if (found <= 0)
		return found;
	if (!S_ISDIR(node.stat.mode))
		return error_set(err, ERROR_IMAGE, "%s in the guest is not a directory", directory);
	if (fs_read_directory(node.fs, node.ino, add_name, names, err) < 0)
		return error_prefix(err, "%s", directory);
	if (names->n_items)
		qsort(names->items, names->n_items, sizeof *names->items, strings_compare);
	return 0;
}
