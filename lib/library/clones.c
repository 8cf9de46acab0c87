/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A path into the library is recognised by the inodes of LIBRARY/templates and LIBRARY/bases, since
 * the same library may be mounted in several places.  Its last two components are looked at before
 * links are followed, one link at a time: followed at once, a path through `current` would look
 * like one that names a number.
 */
#include "library/clones.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "disk/backing.h"

enum { MAX_FILES = 1 << 20, MAX_NESTING = 32, MAX_CHAIN = 32, MAX_LINKS = 40 };

struct search {
	const struct clones_request *request;
	struct clones *out;
	struct stat library, templates, bases, publish;
	size_t n_files;
};

static bool same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_ino && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_inode(const char *path, const struct stat *wanted)
{
	struct stat st;

	return stat(path, &st) == 0 && same_inode(&st, wanted);
}

static bool is_number(const char *text, uint64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno == 0 && !*end;
}

/* --- paths --- */

/* "a/b/c" -> "a/b" and "c"; neither looks through links.  "/" stays itself. */
static char *directory_of(const char *path, const char **ret_last)
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
	directory = directory_of(path, &last);
	return from_directory(directory, target);
}

static char *real_directory(const char *path)
{
	return realpath(path, NULL);
}

/* TEMPLATE/X/file, where TEMPLATE is a template of the library? */
static bool names_generation(const struct search *search, const char *directory,
			     struct clone_use *use)
{
	const char *last, *name;
	CLEANUP_FREE char *above = directory_of(directory, &last);
	CLEANUP_FREE char *real = real_directory(above);
	CLEANUP_FREE char *templates = real ? directory_of(real, &name) : NULL;

	if (!templates || !is_inode(templates, &search->templates))
		return false;
	if (strcmp(last, "current") == 0)
		use->target = CLONE_OF_CURRENT;
	else if (is_number(last, &use->number))
		use->target = CLONE_OF_GENERATION;
	else
		return false;
	use->template_name = xstrdup(name);
	return true;
}

/* bases/SHA256, or bases/SHA256/file (base.h). */
static bool names_base(const struct search *search, const char *directory, const char *file,
		       struct clone_use *use)
{
	const char *last;
	CLEANUP_FREE char *above = directory_of(directory, &last);

	if (!(is_inode(directory, &search->bases) && digest_from_hex(file, &use->base)) &&
	    !(is_inode(above, &search->bases) && digest_from_hex(last, &use->base)))
		return false;
	use->target = CLONE_OF_BASE;
	return true;
}

/* One step along the links of the last two components; NULL when there is none. */
static char *next_path(const char *directory, const char *file, const char *path)
{
	const char *last;
	CLEANUP_FREE char *above = directory_of(directory, &last);
	CLEANUP_FREE char *target =
		strcmp(last, "..") ? follow_link(directory) : real_directory(directory);

	if (target)
		return path_join(target, file);
	return follow_link(path);
}

/* Does the path lead into the library, and where? */
static bool classify(const struct search *search, const char *start, struct clone_use *use)
{
	CLEANUP_FREE char *path = xstrdup(start);

	for (int i = 0; path && i < MAX_LINKS; i++) {
		const char *file;
		CLEANUP_FREE char *directory = directory_of(path, &file);
		char *next;

		if (names_generation(search, directory, use) ||
		    names_base(search, directory, file, use))
			return true;
		next = next_path(directory, file, path);
		free(path);
		path = next;
	}
	return false;
}

/* --- files --- */

/* The file names in a "json:" backing name: every member "filename" in it. */
static void add_filenames(const json_t *json, char ***names, size_t *n)
{
	const json_t *filename = json_object_get(json, "filename"), *value;
	const char *key;

	if (json_is_string(filename))
		*ARRAY_ADD(*names, *n) = xstrdup(json_string_value(filename));
	json_object_foreach((json_t *)(uintptr_t)json, key, value) if (json_is_object(value))
		add_filenames(value, names, n);
}

static void backing_paths(const char *name, char ***names, size_t *n)
{
	struct error ignored;
	CLEANUP_JSON json_t *json = NULL;

	if (strncmp(name, "json:", 5) == 0) {
		json = json_parse(name + 5, strlen(name + 5), "backing file", ERROR_IMAGE,
				  &ignored);
		add_filenames(json, names, n);
		return;
	}
	*ARRAY_ADD(*names, *n) = xstrdup(strncmp(name, "file:", 5) ? name : name + 5);
}

static int follow(struct search *search, const char *directory, const struct image_backing *backing,
		  struct clone_use *use, unsigned depth);

/* 1: leads into the library. */
static int follow_file(struct search *search, const char *path, struct clone_use *use,
		       unsigned depth)
{
	CLEANUP_FREE char *real = realpath(path, NULL);
	CLEANUP_CLOSE int fd =
		real ? open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
	CLEANUP_BACKING struct image_backing backing = {0};
	CLEANUP_FREE char *directory = NULL;
	struct error ignored;
	struct stat st;
	const char *last;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    image_backing_read(fd, &backing, &ignored) < 0)
		return 0;
	directory = directory_of(real, &last);
	return follow(search, directory, &backing, use, depth + 1);
}

static int follow(struct search *search, const char *directory, const struct image_backing *backing,
		  struct clone_use *use, unsigned depth)
{
	char **names = NULL;
	size_t n = 0;
	int found = 0;

	if (!backing->name || depth > MAX_CHAIN)
		return 0;
	backing_paths(backing->name, &names, &n);
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *target = from_directory(directory, names[i]);

		if (!found)
			found = classify(search, target, use) ||
				follow_file(search, target, use, depth);
		free(names[i]);
	}
	free(names);
	return found;
}

/* A generation's overlay in the trash names its base as it did where it was. */
static void mend_name(const struct search *search, struct image_backing *backing)
{
	static const char up[] = "../../../";
	char *mended;

	if (!backing->name || strncmp(backing->name, up, sizeof up - 1) != 0)
		return;
	mended = path_join(search->request->library, backing->name + sizeof up - 1);
	free(backing->name);
	backing->name = mended;
}

static int look_at(struct search *search, int dir, const char *directory, const char *name,
		   const struct clone_use *kind, struct error *err)
{
	CLEANUP_CLOSE int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	CLEANUP_BACKING struct image_backing backing = {0};
	struct clone_use use = *kind;
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_os(err, ERROR_DENIED, errno, "%s/%s: cannot tell what it is backed by",
				directory, name);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (image_backing_read(fd, &backing, err) < 0)
		return error_prefix(err, "%s/%s", directory, name);
	if (kind->place == CLONE_IN_TRASH)
		mend_name(search, &backing);
	if (!follow(search, directory, &backing, &use, 0))
		return 0;
	use.path = path_join(directory, name);
	use.own_template = kind->own_template ? xstrdup(kind->own_template) : NULL;
	*ARRAY_ADD(search->out->uses, search->out->n_uses) = use;
	return 0;
}

/* --- directories --- */

static int walk(struct search *search, int dir, const char *path, const struct clone_use *kind,
		unsigned depth, struct error *err);

static int walk_into(struct search *search, int dir, const char *path, const char *name,
		     const struct clone_use *kind, unsigned depth, struct error *err)
{
	CLEANUP_CLOSE int below =
		openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_FREE char *child = path_join(path, name);
	struct stat st;

	if (below < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR))
		return 0;
	if (below < 0 || fstat(below, &st) < 0)
		return error_os(err, ERROR_DENIED, errno, "%s: cannot look for clones in it",
				child);
	if (kind->place == CLONE_OUTSIDE && same_inode(&st, &search->library))
		return 0;
	if (depth >= MAX_NESTING)
		return error_set(err, ERROR_CONFIG, "%s: directories nest deeper than %d", child,
				 MAX_NESTING);
	return walk(search, below, child, kind, depth + 1, err);
}

static bool is_directory(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int visit(struct search *search, int dir, const char *path, const struct dirent *entry,
		 const struct clone_use *kind, unsigned depth, struct error *err)
{
	struct stat here;

	if (++search->n_files > MAX_FILES)
		return error_set(err, ERROR_CONFIG, "%s: more than %d files to look through", path,
				 MAX_FILES);
	if (search->n_files % 64 == 0 && monitor_check(search->request->monitor, err) < 0)
		return -1;
	if (is_directory(dir, entry))
		return walk_into(search, dir, path, entry->d_name, kind, depth, err);
	if (search->publish.st_ino && publish_is_name(entry->d_name) && fstat(dir, &here) == 0 &&
	    same_inode(&here, &search->publish))
		return 0;
	return look_at(search, dir, path, entry->d_name, kind, err);
}

static int walk(struct search *search, int dir, const char *path, const struct clone_use *kind,
		unsigned depth, struct error *err)
{
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	int result = 0;

	if (!stream) {
		close_p(&copy);
		return error_os(err, ERROR_IO, errno, "%s", path);
	}
	while (result == 0 && (entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			result = visit(search, dir, path, entry, kind, depth, err);
	closedir(stream);
	return result;
}

static int walk_root(struct search *search, const char *path, const struct clone_use *kind,
		     struct error *err)
{
	CLEANUP_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 && errno == ENOENT && kind->place != CLONE_OUTSIDE)
		return 0;
	if (dir < 0)
		return error_os(err, ERROR_CONFIG, errno, "clone-roots: %s", path);
	return walk(search, dir, path, kind, 0, err);
}

static enum clone_place place_of(const char *name, uint64_t *number)
{
	return is_number(name, number) ? CLONE_IN_TEMPLATE : CLONE_BEING_MADE;
}

/* templates/NAME: numbered directories and those that are being made, nothing else. */
static int walk_template(struct search *search, const char *templates, const char *name,
			 struct error *err)
{
	CLEANUP_FREE char *path = path_join(templates, name);
	CLEANUP_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = dir < 0 ? NULL : fdopendir(dir);
	const struct dirent *entry;
	int result = 0;

	if (!stream)
		return 0;
	steal_fd(&dir);
	while (result == 0 && (entry = readdir(stream))) {
		CLEANUP_FREE char *own = xstrdup(name);
		struct clone_use kind = {.own_template = own};

		if (!is_directory(dirfd(stream), entry) || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		kind.place = place_of(entry->d_name, &kind.own_number);
		result = walk_into(search, dirfd(stream), path, entry->d_name, &kind, 0, err);
	}
	closedir(stream);
	return result;
}

static int walk_library(struct search *search, struct error *err)
{
	CLEANUP_FREE char *templates = path_join(search->request->library, "templates");
	CLEANUP_FREE char *trash = path_join(search->request->library, "trash");
	DIR *stream = opendir(templates);
	const struct dirent *entry;
	int result = 0;

	while (result == 0 && stream && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			result = walk_template(search, templates, entry->d_name, err);
	if (stream)
		closedir(stream);
	if (result < 0)
		return -1;
	return walk_root(search, trash, &(struct clone_use){.place = CLONE_IN_TRASH}, err);
}

static void find_places(struct search *search)
{
	CLEANUP_FREE char *templates = path_join(search->request->library, "templates");
	CLEANUP_FREE char *bases = path_join(search->request->library, "bases");

	stat(search->request->library, &search->library);
	stat(templates, &search->templates);
	stat(bases, &search->bases);
	if (search->request->publish)
		stat(search->request->publish, &search->publish);
}

int clones_find(const struct clones_request *request, struct clones *ret, struct error *err)
{
	struct clones found = {0};
	struct search search = {.request = request, .out = &found};
	const struct clone_use outside = {.place = CLONE_OUTSIDE};
	int result;

	find_places(&search);
	result = walk_library(&search, err);
	for (size_t i = 0; result == 0 && i < request->n_roots; i++)
		result = walk_root(&search, request->roots[i], &outside, err);
	if (result < 0) {
		clones_free(&found);
		return -1;
	}
	*ret = found;
	return 0;
}

void clones_free(struct clones *clones)
{
	for (size_t i = 0; i < clones->n_uses; i++) {
		free(clones->uses[i].path);
		free(clones->uses[i].own_template);
		free(clones->uses[i].template_name);
	}
	free(clones->uses);
	*clones = (struct clones){0};
}
