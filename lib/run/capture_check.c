/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/capture_check.h"

#include <string.h>
#include <sys/stat.h>

#include "run/capture_stream.h"

static int by_path(const void *a, const void *b)
{
	const struct capture_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static const struct capture_entry *find(const struct capture *capture, char *path)
{
	const struct capture_entry key = {.path = path};

	return bsearch(&key, capture->entries, capture->n_entries, sizeof key, by_path);
}

static int check_parent(const struct capture *capture, const struct capture_entry *entry,
			struct error *err)
{
	size_t len = (size_t)(strrchr(entry->path, '/') - entry->path);
	CLEANUP_FREE char *path = len ? xstrndup(entry->path, len) : xstrdup("/");
	const struct capture_entry *parent = find(capture, path);

	if (!parent || (parent->touched && !S_ISDIR(parent->stat.mode)))
		return capture_malformed("a path without its directory", err);
	return 0;
}

static int check_tree(const struct capture *capture, struct error *err)
{
	if (capture->n_entries == 0 || strcmp(capture->entries[0].path, "/") != 0)
		return capture_malformed("it has no root", err);
	for (size_t i = 1; i < capture->n_entries; i++) {
		if (strcmp(capture->entries[i - 1].path, capture->entries[i].path) == 0)
			return capture_malformed("a path twice", err);
		if (check_parent(capture, &capture->entries[i], err) < 0)
			return -1;
	}
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct capture_entry *const *x = a, *const *y = b;

	if ((*x)->ino != (*y)->ino)
		return (*x)->ino < (*y)->ino ? -1 : 1;
	return strcmp((*x)->path, (*y)->path);
}

/* One group of names of an inode, sorted by path: the content goes to the first. */
static int join_group(struct capture_entry **names, size_t n, struct error *err)
{
	for (size_t i = 1; i < n; i++) {
		if (names[i]->stat.mode != names[0]->stat.mode ||
		    names[i]->stat.size != names[0]->stat.size || S_ISDIR(names[0]->stat.mode))
			return capture_malformed("names of one inode differ", err);
		if (!names[i]->n_extents)
			continue;
		if (names[0]->n_extents)
			return capture_malformed("content twice", err);
		names[0]->extents = steal(names[i]->extents);
		names[0]->n_extents = names[i]->n_extents;
		names[i]->n_extents = 0;
	}
	return 0;
}

static int join_links(const struct capture *capture, struct error *err)
{
	CLEANUP_FREE struct capture_entry **touched =
		xcalloc(capture->n_entries + 1, sizeof *touched);
	size_t n = 0;

	for (size_t i = 0; i < capture->n_entries; i++)
		if (capture->entries[i].touched)
			touched[n++] = &capture->entries[i];
	qsort(touched, n, sizeof *touched, by_inode);
	for (size_t first = 0, end; first < n; first = end) {
		for (end = first + 1; end < n && touched[end]->ino == touched[first]->ino; end++)
			;
		if (join_group(touched + first, end - first, err) < 0)
			return -1;
	}
	return 0;
}

int capture_check(struct capture *capture, struct error *err)
{
	if (capture->n_entries)
		qsort(capture->entries, capture->n_entries, sizeof *capture->entries, by_path);
	return check_tree(capture, err) < 0 ? -1 : join_links(capture, err);
}
