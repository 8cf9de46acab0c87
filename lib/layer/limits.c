/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/limits.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "fs/limited_names.h"

struct place {
	const char *mountpoint;
	const struct fs_limits *limits;
	const char *path;
	bool is_new; /* what is there already is another name than all others there */
};

static int refuse(const struct place *place, const char *what, struct error *err)
{
	return error_set(err, ERROR_IMAGE,
			 "%s is %s, which the file system of the guest's %s does not keep; hold "
			 "back the package that brings it",
			 place->path, what, place->mountpoint);
}

static int check_kind(const struct layer_entry *entry, const struct place *place, struct error *err)
{
	if (entry->action == LAYER_LINK)
		return refuse(place, "a second name of a file", err);
	if (S_ISLNK(entry->stat.mode))
		return refuse(place, "a symbolic link", err);
	if (!S_ISREG(entry->stat.mode) && !S_ISDIR(entry->stat.mode))
		return refuse(place, "neither a file nor a directory", err);
	return 0;
}

/* ---- names ---- */

static int compare_path(const void *path, const void *change)
{
	return strcmp(path, ((const struct change *)change)->entry.path);
}

static const struct layer_entry *find(const struct diff *diff, const char *path)
{
	const struct change *change =
		bsearch(path, diff->changes, diff->n_changes, sizeof *diff->changes, compare_path);

	return change ? &change->entry : NULL;
}

/* Is what was there removed, or below a directory that was made anew? */
static bool is_gone(const struct diff *diff, const char *path)
{
	const struct layer_entry *entry = find(diff, path);
	CLEANUP_FREE char *above = xstrdup(path);
	char *slash;

	if (entry && entry->action == LAYER_REMOVE)
		return true;
	while ((slash = strrchr(above, '/')) && slash > above) {
		*slash = '\0';
		entry = find(diff, above);
		if (entry && entry->opaque)
			return true;
	}
	return false;
}

struct likeness {
	const struct diff *diff;
	const char *parent, *name;
	char *found;
};

static int compare_name(void *opaque, const char *name, uint64_t ino, struct error *err)
{
	struct likeness *likeness = opaque;
	CLEANUP_FREE char *path = NULL;

	(void)ino;
	(void)err;
	if (likeness->found || limited_name_compare(name, likeness->name) != 0 ||
	    strcmp(name, likeness->name) == 0)
		return 0;
	path = path_join(likeness->parent, name);
	if (!is_gone(likeness->diff, path))
		likeness->found = xstrdup(name);
	return 0;
}

/* How sure is it that two names are one? */
static const char *are_one(const char *a, const char *b, const char *certain, const char *may_be)
{
	return strcasecmp(a, b) == 0 ? certain : may_be;
}

/* On the disk the new name and one that stays would be one. */
static int check_likeness(const struct place *place, const struct diff *diff, struct tree *before,
			  struct error *err)
{
	const char *slash = strrchr(place->path, '/');
	size_t len = slash > place->path ? (size_t)(slash - place->path) : 1;
	CLEANUP_FREE char *parent = xstrndup(place->path, len);
	struct likeness likeness = {.diff = diff, .parent = parent, .name = slash + 1};
	struct tree_node node;
	int found = tree_lookup(before, parent, TREE_NOFOLLOW, &node, err);

	if (found <= 0 || !S_ISDIR(node.stat.mode))
		return found < 0 ? -1 : 0;
	if (fs_read_directory(node.fs, node.ino, compare_name, &likeness, err) < 0)
		return -1;
	if (!likeness.found)
		return 0;
	error_set(
		err, ERROR_IMAGE,
		"%s is brought, and there is %s, which %s the same name for the file system of the "
		"guest's %s; give it the package's spelling in the guest first",
		place->path, likeness.found, are_one(slash + 1, likeness.found, "is", "may be"),
		place->mountpoint);
	free(likeness.found);
	return -1;
}

static int check_name(const struct place *place, const struct diff *diff, struct tree *before,
		      struct error *err)
{
	const char *fault = limited_name_fault(strrchr(place->path, '/') + 1);

	return fault ? refuse(place, fault, err) : check_likeness(place, diff, before, err);
}

static struct place place_of(const struct change *change, struct tree *before)
{
	size_t mount = tree_mount_of(before, change->entry.path);

	return (struct place){.mountpoint = tree_mountpoint(before, mount),
			      .limits = fs_limits(tree_fs(before, mount)),
			      .path = change->entry.path};
}

/* Names that are one on the disk come together. */
static int compare_spelling(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = limited_name_compare(x->path, y->path);

	return order ? order : strcmp(x->path, y->path);
}

static bool would_be_one(const struct place *a, const struct place *b)
{
	return (a->is_new || b->is_new) && limited_name_compare(a->path, b->path) == 0;
}

static int check_spellings(struct place *places, size_t n, struct error *err)
{
	qsort(places, n, sizeof *places, compare_spelling);
	for (size_t i = 1; i < n; i++)
		if (would_be_one(&places[i - 1], &places[i]))
			return error_set(
				err, ERROR_IMAGE,
				"%s and %s are brought, which %s the same name for the file "
				"system of the guest's %s; hold back the package that brings one "
				"of them",
				places[i - 1].path, places[i].path,
				are_one(places[i - 1].path, places[i].path, "are", "may be"),
				places[i].mountpoint);
	return 0;
}

static int check_names(const struct diff *diff, struct tree *before, struct error *err)
{
	CLEANUP_FREE struct place *places = xcalloc(diff->n_changes + 1, sizeof *places);
	struct tree_node was;
	size_t n = 0;

	for (size_t i = 0; i < diff->n_changes; i++) {
		struct place place = place_of(&diff->changes[i], before);
		int found;

		if (!place.limits || diff->changes[i].entry.action == LAYER_REMOVE)
			continue;
		found = tree_lookup(before, place.path, TREE_NOFOLLOW, &was, err);
		if (found < 0 || (found == 0 && check_name(&place, diff, before, err) < 0))
			return -1;
		place.is_new = found == 0;
		places[n++] = place;
	}
	return check_spellings(places, n, err);
}

/* ---- what is kept ---- */

static int64_t cut_time(int64_t sec, const struct fs_limits *limits)
{
	if (sec < limits->earliest)
		return limits->earliest;
	return sec > limits->latest ? limits->latest : sec - sec % limits->seconds;
}

static void cut(struct layer_entry *entry, const struct fs_limits *limits)
{
	struct fs_stat *stat = &entry->stat;

	stat->mode = (stat->mode & S_IFMT) | limits->permissions;
	stat->uid = stat->gid = stat->flags = 0;
	stat->mtime.sec = cut_time(stat->mtime.sec, limits);
	stat->mtime.nsec = 0;
	fs_xattrs_free(&entry->xattrs);
}

/* The root's times are nowhere; nor does anything else of it change. */
static bool is_unchanged(const struct layer_entry *entry, const struct place *place,
			 const struct tree_node *was)
{
	if (strcmp(entry->path, place->mountpoint) == 0)
		return true;
	return (entry->action == LAYER_METADATA ||
		(S_ISDIR(entry->stat.mode) && S_ISDIR(was->stat.mode) && !entry->opaque)) &&
	       entry->stat.mtime.sec == was->stat.mtime.sec;
}

/* 1: the change stays; 0: there is none. */
static int put(struct layer_entry *entry, const struct place *place, struct tree *before,
	       struct error *err)
{
	struct tree_node was;
	int found;

	if (entry->action == LAYER_REMOVE)
		return 1;
	if (check_kind(entry, place, err) < 0)
		return -1;
	found = tree_lookup(before, entry->path, TREE_NOFOLLOW, &was, err);
	if (found < 0)
		return -1;
	cut(entry, place->limits);
	return !(found && is_unchanged(entry, place, &was));
}

/* As put, of a change on any file system. */
static int put_change(struct change *change, struct tree *before, struct error *err)
{
	const struct place place = place_of(change, before);

	return place.limits ? put(&change->entry, &place, before, err) : 1;
}

int limits_put(struct diff *diff, struct tree *before, struct error *err)
{
	int status = check_names(diff, before, err);
	size_t n = 0;

	for (size_t i = 0; i < diff->n_changes; i++) {
		int stays = status == 0 ? put_change(&diff->changes[i], before, err) : 1;

		if (stays < 0)
			status = -1;
		if (stays)
			diff->changes[n++] = diff->changes[i];
		else
			layer_entry_clear(&diff->changes[i].entry);
	}
	diff->n_changes = n;
	return status;
}
