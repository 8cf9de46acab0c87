/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commit/place.h"

#include <string.h>
#include <sys/stat.h>

/* One step down, which must end in a directory. */
static int enter(struct fs *fs, uint64_t *ino, const char *name, struct error *err)
{
	struct fs_stat stat;
	uint64_t next;

	if (fs_lookup(fs, *ino, name, &next, err) < 0)
		return -1;
	if (next == 0)
		return error_set(err, ERROR_BUG, "the layer does not fit: no directory %s", name);
	if (fs_stat(fs, next, &stat, err) < 0)
		return -1;
	if (!S_ISDIR(stat.mode))
		return error_set(err, ERROR_BUG, "the layer does not fit: %s is not a directory",
				 name);
	*ino = next;
	return 0;
}

static int descend(struct place *place, const char *rest, struct error *err)
{
	const char *slash;

	for (; (slash = strchr(rest, '/')); rest = slash + 1) {
		CLEANUP_FREE char *name = xstrndup(rest, slash - rest);

		if (enter(place->fs, &place->directory, name, err) < 0)
			return -1;
	}
	place->name = rest;
	return fs_lookup(place->fs, place->directory, place->name, &place->ino, err);
}

int place_find(struct tree *tree, const char *path, struct place *ret, struct error *err)
{
	struct place place = {.mount = tree_mount_of(tree, path)};
	const char *mountpoint = tree_mountpoint(tree, place.mount);
	const char *rest = path + (mountpoint[1] ? strlen(mountpoint) : 0);

	place.fs = tree_fs(tree, place.mount);
	place.directory = fs_root(place.fs);
	if (rest[0] == '\0' || rest[1] == '\0') {
		place.ino = place.directory;
		place.directory = 0;
		place.name = "";
	} else if (descend(&place, rest + 1, err) < 0) {
		return error_prefix(err, "%s", path);
	}
	*ret = place;
	return 0;
}

bool place_holds_mount(const struct tree *tree, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < tree_n_mounts(tree); i++) {
		const char *mountpoint = tree_mountpoint(tree, i);

		if (path[1] == '\0' || (strncmp(mountpoint, path, len) == 0 &&
					(mountpoint[len] == '/' || mountpoint[len] == '\0')))
			return true;
	}
	return false;
}
