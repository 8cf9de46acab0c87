/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root of an operating system is a readable file system with a file that names its release and
 * either an fstab or a directory of programs.  A name counts as it stands: a symlink whose target
 * lies on another file system (/usr) is there.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "fs/type.h"
#include "guest/layout.h"

/* *ret is 0 when `dir` is no directory or has no such name. */
static int lookup(struct fs *fs, uint64_t dir, const char *name, uint64_t *ret, struct error *err)
{
	struct fs_stat stat;

	*ret = 0;
	if (fs_stat(fs, dir, &stat, err) < 0)
		return -1;
	return S_ISDIR(stat.mode) ? fs_lookup(fs, dir, name, ret, err) : 0;
}

static int has_path(struct fs *fs, const char *path, bool *ret, struct error *err)
{
	uint64_t ino = fs_root(fs);
	CLEANUP_FREE char *copy = xstrdup(path);
	char *rest = copy, *name;

	while (ino && (name = strsep(&rest, "/")))
		if (lookup(fs, ino, name, &ino, err) < 0)
			return -1;
	*ret = ino != 0;
	return 0;
}

static int has_any(struct fs *fs, const char *const paths[], bool *ret, struct error *err)
{
	bool found = false;

	for (; *paths && !found; paths++)
		if (has_path(fs, *paths, &found, err) < 0)
			return -1;
	*ret = found;
	return 0;
}

static int is_root(struct fs *fs, bool *ret, struct error *err)
{
	static const char *const releases[] = {"etc/os-release", "usr/lib/os-release",
					       "etc/system-release", "etc/redhat-release", NULL};
	static const char *const systems[] = {"etc/fstab", "bin", "sbin", NULL};
	bool release = false, system = false;

	if (has_any(fs, releases, &release, err) < 0 || has_any(fs, systems, &system, err) < 0)
		return -1;
	*ret = release && system;
	return 0;
}

/* Could an operating system be in it, if only it could be read? */
static bool is_candidate(const struct layout *layout, size_t index)
{
	const struct guest_filesystem *fs = &layout->guest->filesystems[index];
	const struct fs_type *type = fs_type_find(fs->type);

	if (layout->places[index].open_error.kind)
		return true;
	return fs->type && !fs->readable && !layout->places[index].member &&
	       !(type && type->no_system);
}

/* A volume's reason says itself whose it is; those of one group have one. */
static char *reason_of(const struct layout *layout, size_t index)
{
	const struct guest_filesystem *fs = &layout->guest->filesystems[index];
	const struct error *problem = &layout->places[index].open_error;
	CLEANUP_FREE char *place = layout_place(layout, index);

	if (problem->kind && fs->volume && !fs->type)
		return xstrdup(problem->msg);
	if (problem->kind)
		return xasprintf("%s does not open: %s", place, problem->msg);
	if (fs->why_not && fs->features)
		return xasprintf("%s is %s, which this version does not read (%s)", place, fs->type,
				 fs->why_not);
	return xasprintf("%s is %s, which this version does not read", place, fs->type);
}

static void append_reason(const struct layout *layout, size_t index, struct buffer *text)
{
	CLEANUP_FREE char *reason = reason_of(layout, index);

	if (!text->data || !strstr(text->data, reason))
		buffer_printf(text, "%s%s", text->len ? "; " : "", reason);
}

/* With OSTree the roots of several systems lie below one directory, and each is replaced as a
 * whole.
 */
static int check_deployments(struct layout *layout, struct error *err)
{
	for (size_t i = 0; i < layout->n_places; i++) {
		CLEANUP_FREE char *place = layout_place(layout, i);
		struct error ignored = {0};
		bool found = false;

		if (layout->places[i].fs)
			has_path(layout->places[i].fs, "ostree/deploy", &found, &ignored);
		if (found)
			return error_set(err, ERROR_IMAGE,
					 "no operating system found that is made of packages: %s "
					 "holds deployments of OSTree, which are replaced as a "
					 "whole; update it with its own tools (bootc, ostree) and "
					 "import the result",
					 place);
	}
	return 0;
}

static int set_not_found(struct layout *layout, struct error *err)
{
	CLEANUP_BUFFER struct buffer reasons = {0};
	CLEANUP_BUFFER struct buffer names = {0};

	if (check_deployments(layout, err) < 0)
		return -1;
	for (size_t i = 0; i < layout->n_places; i++)
		if (is_candidate(layout, i))
			append_reason(layout, i, &reasons);
	if (reasons.len)
		return error_set(err, ERROR_IMAGE, "no operating system found: %s", reasons.data);
	for (size_t i = 0; i < layout->n_disks; i++) {
		const char *path = layout->images[i]->files[0].path;
		const char *slash = strrchr(path, '/');

		buffer_printf(&names, "%s%s", i ? ", " : "", slash ? slash + 1 : path);
	}
	return error_set(err, ERROR_IMAGE,
			 "no operating system found in %s: no file system has etc/os-release",
			 names.data);
}

static int set_several(const struct layout *layout, size_t a, size_t b, struct error *err)
{
	CLEANUP_FREE char *first = layout_place(layout, a), *second = layout_place(layout, b);

	return error_set(err, ERROR_IMAGE,
			 "several operating systems found: on %s and on %s; an image of one guest "
			 "has one",
			 first, second);
}

/* A file system too damaged to look at is remembered like one that does not open. */
static int look_at(struct layout *layout, size_t index, bool *ret, struct error *err)
{
	struct place *place = &layout->places[index];
	CLEANUP_FREE char *name = NULL;

	if (is_root(place->fs, ret, err) == 0)
		return 0;
	if (err->kind == ERROR_IMAGE) {
		place->open_error = *err;
		layout->guest->filesystems[index].readable = false;
		fs_free(steal(place->fs));
		return 0;
	}
	name = layout_place(layout, index);
	return error_prefix(err, "%s", name);
}

/* *ret is n_places when there is none. */
static int search(struct layout *layout, size_t *ret, struct error *err)
{
	size_t found = layout->n_places;

	for (size_t i = 0; i < layout->n_places; i++) {
		bool root = false;

		if (layout->places[i].fs && look_at(layout, i, &root, err) < 0)
			return -1;
		if (root && found < layout->n_places)
			return set_several(layout, found, i, err);
		if (root)
			found = i;
	}
	*ret = found;
	return 0;
}

static bool is_copyable_candidate(const struct layout *layout)
{
	for (size_t i = 0; i < layout->n_places; i++)
		if (layout->guest->filesystems[i].copied && is_candidate(layout, i))
			return layout_can_copy(layout);
	return false;
}

int layout_find_root(struct layout *layout, size_t *ret, struct error *err)
{
	size_t found;

	if (search(layout, &found, err) < 0)
		return -1;
	if (found == layout->n_places && is_copyable_candidate(layout))
		if (layout_copy(layout, NULL, err) < 0 || search(layout, &found, err) < 0)
			return -1;
	if (found == layout->n_places)
		return set_not_found(layout, err);
	*ret = found;
	return 0;
}
