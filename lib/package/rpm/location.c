/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpm's macros say where the database is, and they are programs, so it is looked for where every
 * distribution has it, and what they say in plain words is compared.  One of these directories is
 * often a symlink to another; the same file under two names is one database, and the name that is
 * no symlink is its name.
 */
#include "package/rpm/location.h"

#include <sys/stat.h>

#include "base/file.h"

enum { MAX_DATABASE = 1 << 30 };

static const char *const directories[] = {"/var/lib/rpm", "/usr/lib/sysimage/rpm",
					  "/usr/share/rpm"};

struct search {
	struct tree *tree;
	struct rpm_location found; /* format NULL: nothing yet */
	struct tree_node node;
	bool linked; /* its directory is a symlink */
};

static bool is_same(const struct tree_node *a, const struct tree_node *b)
{
	return a->mount == b->mount && a->ino == b->ino;
}

static int is_symlink(struct tree *tree, const char *path, bool *ret, struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(tree, path, TREE_NOFOLLOW, &node, err);

	*ret = found == 1 && S_ISLNK(node.stat.mode);
	return found < 0 ? -1 : 0;
}

static int take(struct search *search, const struct rpm_location *location,
		const struct tree_node *node, struct error *err)
{
	const struct rpm_location *found = &search->found;
	bool linked;

	if (is_symlink(search->tree, location->directory, &linked, err) < 0)
		return -1;
	if (found->format && !is_same(node, &search->node))
		return error_set(err, ERROR_IMAGE,
				 "there are two package databases, %s/%s and %s/%s, and only the "
				 "guest's own rpm knows which one it uses: start the guest and "
				 "remove the other one",
				 found->directory, found->format->file, location->directory,
				 location->format->file);
	if (found->format && (linked || !search->linked))
		return 0;
	search->found = *location;
	search->node = *node;
	search->linked = linked;
	return 0;
}

static int look_in(struct search *search, const char *directory, struct error *err)
{
	for (const struct rpm_database_format *format = rpm_database_formats; format->name;
	     format++) {
		const struct rpm_location location = {format, directory};
		CLEANUP_FREE char *path = path_join(directory, format->file);
		struct tree_node node;
		int found = tree_lookup(search->tree, path, TREE_FOLLOW, &node, err);

		if (found < 0 || (found && take(search, &location, &node, err) < 0))
			return -1;
	}
	return 0;
}

int rpm_location_find(struct tree *tree, struct rpm_location *ret, struct error *err)
{
	struct search search = {.tree = tree};

	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		if (look_in(&search, directories[i], err) < 0)
			return -1;
	if (!search.found.format)
		return 0;
	*ret = search.found;
	return 1;
}

/* Nothing when it is not there. */
static int read_beside(struct tree *tree, const struct rpm_location *location, const char *name,
		       struct buffer *ret, struct error *err)
{
	CLEANUP_FREE char *path = name ? path_join(location->directory, name) : NULL;
	struct error failed = {0};

	if (!path || tree_read_file(tree, path, MAX_DATABASE, ret, &failed) == 0 ||
	    failed.kind == ERROR_MISSING)
		return 0;
	*err = failed;
	return -1;
}

int rpm_location_read(struct tree *tree, const struct rpm_location *location,
		      rpm_database_callback *each, void *opaque, struct error *err)
{
	const struct rpm_database_format *format = location->format;
	CLEANUP_FREE char *path = path_join(location->directory, format->file);
	CLEANUP_BUFFER struct buffer file = {0}, log = {0}, journal = {0};

	if (tree_read_file(tree, path, MAX_DATABASE, &file, err) < 0 ||
	    read_beside(tree, location, format->log, &log, err) < 0 ||
	    read_beside(tree, location, format->journal, &journal, err) < 0)
		return -1;
	if (journal.len)
		return error_set(err, ERROR_IMAGE,
				 "%s/%s is there: a change of the package database was "
				 "interrupted; start the guest and let its rpm take it back",
				 location->directory, format->journal);
	if (rpm_database_read(format, &file, &log, each, opaque, err) < 0)
		return error_prefix(err,
				    "the package database %s cannot be relied on (start the guest, "
				    "mend it with rpmdb --rebuilddb, shut it down)",
				    path);
	return 0;
}

int rpm_location_image_based(struct tree *tree, const char **ret, struct error *err)
{
	static const char *const marks[] = {"/ostree", "/sysroot/ostree", "/run/ostree-booted"};
	struct tree_node node;

	*ret = NULL;
	for (size_t i = 0; i < sizeof marks / sizeof *marks && !*ret; i++) {
		int found = tree_lookup(tree, marks[i], TREE_FOLLOW, &node, err);

		if (found < 0)
			return -1;
		if (found)
			*ret = marks[i];
	}
	return 0;
}
