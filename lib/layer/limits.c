/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/limits.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"

struct place {
	const char *mountpoint;
	const struct fs_limits *limits;
	const char *path;
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

struct likeness {
	const char *name;
	char *found;
};

static int compare_name(void *opaque, const char *name, uint64_t ino, struct error *err)
{
	struct likeness *likeness = opaque;

	(void)ino;
	(void)err;
	if (!likeness->found && strcasecmp(name, likeness->name) == 0 &&
	    strcmp(name, likeness->name) != 0)
		likeness->found = xstrdup(name);
	return 0;
}

/* On the disk the two would be one. */
static int check_name(const struct place *place, struct tree *before, struct error *err)
{
	const char *slash = strrchr(place->path, '/');
	CLEANUP_FREE char *parent = xstrndup(place->path, (size_t)(slash - place->path));
	struct likeness likeness = {.name = slash + 1};
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
		"%s is brought, and there is %s, which is the same name for the file system of the "
		"guest's %s; give it the package's spelling in the guest first",
		place->path, likeness.found, place->mountpoint);
	free(likeness.found);
	return -1;
}

/* ---- what is kept ---- */

static void cut(struct layer_entry *entry, const struct fs_limits *limits)
{
	struct fs_stat *stat = &entry->stat;

	stat->mode = (stat->mode & S_IFMT) | limits->permissions;
	stat->uid = stat->gid = stat->flags = 0;
	stat->mtime.sec -= stat->mtime.sec % limits->seconds;
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
	if (found < 0 || (found == 0 && check_name(place, before, err) < 0))
		return -1;
	cut(entry, place->limits);
	return !(found && is_unchanged(entry, place, &was));
}

/* As put, of a change on any file system. */
static int put_change(struct change *change, struct tree *before, struct error *err)
{
	size_t mount = tree_mount_of(before, change->entry.path);
	const struct place place = {tree_mountpoint(before, mount),
				    fs_limits(tree_fs(before, mount)), change->entry.path};

	return place.limits ? put(&change->entry, &place, before, err) : 1;
}

int limits_put(struct diff *diff, struct tree *before, struct error *err)
{
	int status = 0;
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
