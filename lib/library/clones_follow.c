/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A path into the library is recognised by the inodes of LIBRARY/templates and LIBRARY/bases, since
 * the same library may be mounted in several places.  Its last two components are looked at before
 * links are followed, one link at a time: followed at once, a path through `current` would look
 * like one that names a number.
 *
 * A base may be a disk of the library itself, or lie on one: a clone that was changed and imported
 * again.  So a chain is followed through bases, too, until it reaches a generation or ends.
 */
#include "library/clones_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "library/heads.h"
#include "library/inside.h"

enum { MAX_CHAIN = 32, MAX_LINKS = 40 };

/* On the way from one file. */
struct following {
	const struct clone_places *places;
	struct clones *found;
	bool below_base; /* the bases there are known from the upper one's record */
};

static bool is_inode(const char *path, const struct stat *wanted)
{
	struct stat st;

	return stat(path, &st) == 0 && same_inode(&st, wanted);
}

/* --- paths --- */

/* "a/b/c" -> "a/b" and "c"; neither looks through links.  "/" stays itself. */
static char *path_directory(const char *path, const char **ret_last)
{
	const char *slash = strrchr(path, '/');

	if (!slash) {
		*ret_last = path;
		return xstrdup(".");
	}
	*ret_last = slash + 1;
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* Without "." and empty components, which mean nothing. */
static char *tidy(const char *path)
{
	char *tidied = xcalloc(1, strlen(path) + 2), *to = tidied;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len && !(len == 1 && *path == '.')) {
			*to++ = '/';
			memcpy(to, path, len);
			to += len;
		}
		path += len + (path[len] == '/');
	}
	if (to == tidied)
		*to = '/';
	return tidied;
}

static char *from_directory(const char *directory, const char *name)
{
	CLEANUP_FREE char *joined = *name == '/' ? xstrdup(name) : path_join(directory, name);

	return tidy(joined);
}

/* Where the link at `path` leads, or NULL: it is none. */
static char *follow_link(const char *path)
{
	CLEANUP_FREE char *directory = NULL;
	char target[PATH_MAX];
	const char *last;
	ssize_t n = readlink(path, target, sizeof target - 1);

	if (n < 0)
		return NULL;
	target[n] = '\0';
	directory = path_directory(path, &last);
	return from_directory(directory, target);
}

static char *real_directory(const char *path)
{
	return realpath(path, NULL);
}

/* TEMPLATE/X/file, where TEMPLATE is a template of the library? */
static bool names_generation(const struct clone_places *places, const char *directory,
			     struct clone_use *use)
{
	const char *last, *name;
	CLEANUP_FREE char *above = path_directory(directory, &last);
	CLEANUP_FREE char *real = real_directory(above);
	CLEANUP_FREE char *templates = real ? path_directory(real, &name) : NULL;

	if (!templates || !is_inode(templates, &places->templates))
		return false;
	if (strcmp(last, "current") == 0)
		use->target = CLONE_OF_CURRENT;
	else if (generation_number_parse(last, &use->number))
		use->target = CLONE_OF_GENERATION;
	else
		return false;
	use->template_name = xstrdup(name);
	return true;
}

/* bases/SHA256, or bases/SHA256/file (base.h). */
static bool names_base(const struct clone_places *places, const char *directory, const char *file,
		       struct clone_use *use)
{
	const char *last;
	CLEANUP_FREE char *above = path_directory(directory, &last);

	if (!(is_inode(directory, &places->bases) && digest_from_hex(file, &use->base)) &&
	    !(is_inode(above, &places->bases) && digest_from_hex(last, &use->base)))
		return false;
	use->target = CLONE_OF_BASE;
	return true;
}

/* One step along the links of the last two components; NULL when there is none. */
static char *next_path(const char *directory, const char *file, const char *path)
{
	CLEANUP_FREE char *target = strcmp(path_last(directory), "..") ? follow_link(directory)
								       : real_directory(directory);

	if (target)
		return path_join(target, file);
	return follow_link(path);
}

/* Does the path lead into the library, and where?  Or, `past_base`, where does the base lead? */
static bool classify(const struct clone_places *places, const char *start, bool past_base,
		     struct clone_use *use)
{
	CLEANUP_FREE char *path = xstrdup(start);

	for (int i = 0; path && i < MAX_LINKS; i++) {
		const char *file;
		CLEANUP_FREE char *directory = path_directory(path, &file);
		char *next;

		if (names_generation(places, directory, use) ||
		    (!past_base && names_base(places, directory, file, use)))
			return true;
		next = next_path(directory, file, path);
		free(path);
		path = next;
	}
	return false;
}

/* --- chains --- */

static int follow(struct following *following, const char *directory,
		  const struct image_backing *backing, unsigned depth, struct error *err);

static void add(struct following *following, const struct clone_use *use)
{
	*ARRAY_ADD(following->found->uses, following->found->n_uses) = *use;
}

static void add_file(struct following *following, const struct stat *st)
{
	for (size_t i = 0; i < following->places->n_files; i++)
		if (same_inode(&following->places->files[i], st))
			add(following, &(struct clone_use){.target = CLONE_OF_FILE, .number = i});
}

/* What is not there leads nowhere; of what cannot be read, nobody knows. */
static int no_file(const char *path, struct error *err)
{
	return errno == ENOENT || errno == ENOTDIR
		       ? 0
		       : error_os(err, ERROR_DENIED, errno, "backed by %s", path);
}

static int follow_file(struct following *following, const char *path, unsigned depth,
		       struct error *err)
{
	CLEANUP_FREE char *real = realpath(path, NULL);
	CLEANUP_BACKING struct image_backing backing = {0};
	CLEANUP_FREE char *directory = NULL;
	CLEANUP_CLOSE int fd = -1;
	struct stat st;
	const char *last;

	if (!real || stat(real, &st) < 0)
		return no_file(path, err);
	/* Some devices do something when they are opened. */
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return 0;
	add_file(following, &st);
	fd = open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return no_file(path, err);
	if (image_backing_read(fd, &backing, err) < 0)
		return error_prefix(err, "backed by %s", real);
	directory = path_directory(path, &last);
	return follow(following, directory, &backing, depth + 1, err);
}

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* The library has the base, by a link to it or to its directory, and the file is not there. */
static bool is_lost(const char *path)
{
	const char *last;
	CLEANUP_FREE char *directory = path_directory(path, &last);

	return access(path, F_OK) < 0 && errno == ENOENT && (is_link(path) || is_link(directory));
}

static int follow_base(struct following *following, const char *path, unsigned depth,
		       struct error *err)
{
	bool before = following->below_base;
	struct clone_use use = {0};
	int result;

	if (classify(following->places, path, true, &use)) {
		add(following, &use);
		return 0;
	}
	/* What it lies on is not known until somebody says where it is now. */
	if (is_lost(path))
		return error_set(err, ERROR_MISSING,
				 "%s: the base is gone; if it was moved: coldpatch relocate", path);
	following->below_base = true;
	result = follow_file(following, path, depth, err);
	following->below_base = before;
	return result;
}

static int follow_path(struct following *following, const char *path, unsigned depth,
		       struct error *err)
{
	struct clone_use use = {0};

	if (!classify(following->places, path, false, &use))
		return follow_file(following, path, depth, err);
	if (use.target != CLONE_OF_BASE || !following->below_base)
		add(following, &use);
	return use.target == CLONE_OF_BASE ? follow_base(following, path, depth, err) : 0;
}

static int follow_name(struct following *following, const char *directory, const char *name,
		       unsigned depth, struct error *err)
{
	CLEANUP_BACKING_FILES struct image_backing_files files = {0};
	int result = 0;

	if (!name)
		return 0;
	if (depth > MAX_CHAIN)
		return error_set(err, ERROR_IMAGE, "more than %d files in its chain", MAX_CHAIN);
	if (image_backing_files_new(name, &files, err) < 0)
		return -1;
	for (size_t i = 0; i < files.n && result == 0; i++) {
		CLEANUP_FREE char *target = from_directory(directory, files.names[i]);

		result = follow_path(following, target, depth, err);
	}
	return result;
}

static int follow(struct following *following, const char *directory,
		  const struct image_backing *backing, unsigned depth, struct error *err)
{
	if (follow_name(following, directory, backing->name, depth, err) < 0)
		return -1;
	return follow_name(following, directory, backing->data_name, depth, err);
}

int clone_follow(const struct clone_places *places, const char *directory,
		 const struct image_backing *backing, struct clones *found, struct error *err)
{
	struct following following = {.places = places, .found = found};

	return follow(&following, directory, backing, 0, err);
}

int clone_follow_path(const struct clone_places *places, const char *path, struct clones *found,
		      struct error *err)
{
	struct following following = {.places = places, .found = found};
	/* A name in it, which need not be there, tells which directory it is. */
	CLEANUP_FREE char *inside = path_join(path, "disk0.qcow2");
	struct clone_use use = {0};
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return follow_path(&following, path, 0, err);
	if (classify(places, inside, false, &use))
		add(&following, &use);
	return 0;
}
