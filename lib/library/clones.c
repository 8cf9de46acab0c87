/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What cannot be read is no clone less: it is told beside the clones (clones.h), with the reason,
 * and the search goes on, so that all of it is known at once.
 */
#include "library/clones.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/directory.h"
#include "base/file.h"
#include "disk/backing.h"
#include "library/clones_follow.h"
#include "library/generations.h"
#include "library/heads.h"
#include "library/inside.h"
#include "library/publish.h"

enum { MAX_FILES = 1 << 20, MAX_NESTING = 32 };

struct search {
	const struct clones_request *request;
	struct clones *out;
	struct clone_places places;
	struct stat library, publish;
	const char *templates;
	bool shallow; /* what is below the directory is not looked at */
	size_t n_files;
	void *directories; /* of the clone roots, that were looked through: struct directory */
};

struct directory {
	dev_t dev;
	ino_t ino;
};

/* --- files --- */

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

static void add_unknown(struct search *search, const char *path, const struct error *why)
{
	struct clone_unknown *unknown = ARRAY_ADD(search->out->unknown, search->out->n_unknown);

	unknown->path = xstrdup(path);
	unknown->why = xstrdup(why->msg);
	unknown->denied = why->os_errno == EACCES || why->os_errno == EPERM;
}

/* The directory could not be opened; errno says why. */
static void add_closed(struct search *search, const char *path)
{
	struct error why = {0};

	error_os(&why, ERROR_DENIED, errno, "it cannot be looked through");
	add_unknown(search, path, &why);
}

static void add_unsearched(struct search *search, const char *path, const char *words)
{
	struct error why = {0};

	error_set(&why, ERROR_CONFIG, "%s", words);
	add_unknown(search, path, &why);
}

static void add_uses(struct search *search, const char *directory, const char *name,
		     const struct clone_use *kind, const struct clones *found)
{
	for (size_t i = 0; i < found->n_uses; i++) {
		struct clone_use *use = ARRAY_ADD(search->out->uses, search->out->n_uses);

		*use = found->uses[i];
		use->path = path_join(directory, name);
		use->place = kind->place;
		use->own_template = kind->own_template ? xstrdup(kind->own_template) : NULL;
		use->own_number = kind->own_number;
	}
	free(found->uses);
}

/* What is backed by nothing, or is not there any more, is fine. */
static int read_backing(int dir, const char *name, struct image_backing *ret, struct error *err)
{
	CLEANUP_CLOSE int fd = -1;
	struct stat st;

	/* Some devices do something when they are opened. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISBLK(st.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO))
		return 0;
	return fd < 0 ? error_os(err, ERROR_DENIED, errno, "it cannot be read")
		      : image_backing_read(fd, ret, err);
}

static void look_at(struct search *search, int dir, const char *directory, const char *name,
		    const struct clone_use *kind)
{
	CLEANUP_BACKING struct image_backing backing = {0};
	CLEANUP_FREE char *path = path_join(directory, name);
	struct clones found = {0};
	struct error why = {0};

	if (read_backing(dir, name, &backing, &why) < 0) {
		add_unknown(search, path, &why);
		return;
	}
	if (kind->place == CLONE_IN_TRASH)
		mend_name(search, &backing);
	if (clone_follow(&search->places, directory, &backing, &found, &why) < 0)
		add_unknown(search, path, &why);
	add_uses(search, directory, name, kind, &found);
}

/* --- directories --- */

static int walk(struct search *search, int dir, const char *path, const struct clone_use *kind,
		unsigned depth, struct error *err);

static int compare_directories(const void *a, const void *b)
{
	const struct directory *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static bool is_known(struct search *search, const struct stat *st)
{
	const struct directory directory = {st->st_dev, st->st_ino};
	struct directory *new = xmemdup(&directory, sizeof directory);
	struct directory *const *found = tsearch(new, &search->directories, compare_directories);

	if (!found)
		abort(); /* as memory.h does */
	if (*found == new)
		return false;
	free(new);
	return true;
}

/* No image lies in /proc or /sys. */
static bool is_of_kernel(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) == 0 &&
	       (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC);
}

/* What a link in a clone root leads to may be in use through it. */
static int walk_link(struct search *search, int dir, const char *path, const char *name,
		     const struct clone_use *kind, unsigned depth, struct error *err)
{
	CLEANUP_FREE char *child = path_join(path, name);
	CLEANUP_CLOSE int below = -1;
	struct clones found = {0};
	struct error why = {0};
	struct stat st;

	if (fstatat(dir, name, &st, 0) < 0) {
		if (errno != ENOENT && errno != ELOOP && errno != ENOTDIR)
			add_closed(search, child);
		return 0;
	}
	if (S_ISDIR(st.st_mode) && search->shallow)
		return 0;
	if (S_ISDIR(st.st_mode))
		below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (S_ISDIR(st.st_mode) && below < 0)
		add_closed(search, child);
	if (below >= 0 && !directory_is_inside(below, &search->library))
		return walk(search, below, child, kind, depth + 1, err);
	if (clone_follow_path(&search->places, child, &found, &why) < 0)
		add_unknown(search, child, &why);
	add_uses(search, path, name, kind, &found);
	return 0;
}

static int walk_into(struct search *search, int dir, const char *path, const char *name,
		     const struct clone_use *kind, unsigned depth, struct error *err)
{
	CLEANUP_CLOSE int below =
		openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_FREE char *child = NULL;
	struct stat st;

	if (below < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR))
		return 0;
	child = path_join(path, name);
	if (below < 0 || fstat(below, &st) < 0) {
		add_closed(search, child);
		return 0;
	}
	if (kind->place == CLONE_OUTSIDE && same_inode(&st, &search->library))
		return 0;
	return walk(search, below, child, kind, depth + 1, err);
}

/* DT_UNKNOWN where it cannot be asked. */
static unsigned char type_of(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	return fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? IFTODT(st.st_mode)
									  : DT_UNKNOWN;
}

/* It goes itself.  One with a second name stays by that. */
static bool goes(const struct search *search, int dir, const char *name)
{
	struct stat st;

	if (search->places.n_files == 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_nlink > 1)
		return false;
	for (size_t i = 0; i < search->places.n_files; i++)
		if (same_inode(&search->places.files[i], &st))
			return true;
	return false;
}

static int visit(struct search *search, int dir, const char *path, const struct dirent *entry,
		 const struct clone_use *kind, unsigned depth, struct error *err)
{
	unsigned char type = type_of(dir, entry);
	struct stat here;

	if (search->n_files == MAX_FILES)
		return 0;
	if (++search->n_files == MAX_FILES)
		add_unsearched(search, path, "there are more files than are looked at");
	if (search->n_files % 64 == 0 && monitor_check(search->request->monitor, err) < 0)
		return -1;
	if (type == DT_DIR)
		return search->shallow
			       ? 0
			       : walk_into(search, dir, path, entry->d_name, kind, depth, err);
	if (goes(search, dir, entry->d_name))
		return 0;
	if (search->publish.st_ino && fstat(dir, &here) == 0 &&
	    same_inode(&here, &search->publish) &&
	    publish_is_ours(dir, entry->d_name, search->templates))
		return 0;
	if (type == DT_LNK && kind->place == CLONE_OUTSIDE)
		return walk_link(search, dir, path, entry->d_name, kind, depth, err);
	if (kind->place == CLONE_OUTSIDE || !generation_is_beside_disks(entry->d_name))
		look_at(search, dir, path, entry->d_name, kind);
	return 0;
}

/* What comes after an error may depend on anything. */
static const struct dirent *next_entry(struct search *search, DIR *dir, const char *path)
{
	struct error why = {0};
	int result = 0;
	const struct dirent *entry = directory_next(dir, path, &result, &why);

	if (result < 0)
		add_unknown(search, path, &why);
	return entry;
}

static int walk(struct search *search, int dir, const char *path, const struct clone_use *kind,
		unsigned depth, struct error *err)
{
	const struct dirent *entry;
	DIR *stream = NULL;
	struct stat st;
	int result = 0, copy;

	if (depth > MAX_NESTING) {
		add_unsearched(search, path, "directories nest deeper there than is looked");
		return 0;
	}
	if (kind->place == CLONE_OUTSIDE &&
	    (fstat(dir, &st) < 0 || is_of_kernel(dir) || is_known(search, &st)))
		return 0;
	copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	stream = copy < 0 ? NULL : fdopendir(copy);
	if (!stream) {
		close_p(&copy);
		return error_os(err, ERROR_IO, errno, "%s", path);
	}
	while (result == 0 && (entry = next_entry(search, stream, path)))
		result = visit(search, dir, path, entry, kind, depth, err);
	closedir(stream);
	return result;
}

static int walk_root(struct search *search, const char *path, const struct clone_use *kind,
		     struct error *err)
{
	CLEANUP_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (dir < 0 && errno == ENOENT && kind->place != CLONE_OUTSIDE)
		return 0;
	/* Who knows what lies in a root that is not there, perhaps because it is not mounted? */
	if (dir < 0) {
		add_closed(search, path);
		return 0;
	}
	/* What is in the library was looked at. */
	if (kind->place == CLONE_OUTSIDE && fstat(dir, &st) == 0 &&
	    (same_inode(&st, &search->library) || same_inode(&st, &search->places.templates)))
		return 0;
	return walk(search, dir, path, kind, 0, err);
}

static enum clone_place place_of(const char *name, uint64_t *number)
{
	return generation_number_parse(name, number) ? CLONE_IN_TEMPLATE : CLONE_BEING_MADE;
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

	if (!stream && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		add_closed(search, path);
	if (!stream)
		return 0;
	steal_fd(&dir);
	while (result == 0 && (entry = next_entry(search, stream, path))) {
		CLEANUP_FREE char *own = xstrdup(name);
		struct clone_use kind = {.own_template = own};

		if (type_of(dirfd(stream), entry) != DT_DIR)
			continue;
		kind.place = place_of(entry->d_name, &kind.own_number);
		result = walk_into(search, dirfd(stream), path, entry->d_name, &kind, 0, err);
	}
	closedir(stream);
	return result;
}

static int walk_library(struct search *search, struct error *err)
{
	CLEANUP_FREE char *trash = path_join(search->request->library, "trash");
	DIR *stream = opendir(search->templates);
	const struct dirent *entry;
	int result = 0;

	if (!stream)
		add_closed(search, search->templates);
	while (result == 0 && stream && (entry = next_entry(search, stream, search->templates)))
		if (entry->d_name[0] != '.')
			result = walk_template(search, search->templates, entry->d_name, err);
	if (stream)
		closedir(stream);
	if (result < 0)
		return -1;
	return walk_root(search, trash, &(struct clone_use){.place = CLONE_IN_TRASH}, err);
}

static void find_places(struct search *search)
{
	CLEANUP_FREE char *bases = path_join(search->request->library, "bases");

	stat(search->request->library, &search->library);
	stat(search->templates, &search->places.templates);
	stat(bases, &search->places.bases);
	if (search->request->publish)
		stat(search->request->publish, &search->publish);
}

/* The clone roots come first, which are looked through in depth. */
static int walk_beside(struct search *search, struct error *err)
{
	const struct clone_use outside = {.place = CLONE_OUTSIDE};
	int result = 0;

	search->shallow = true;
	for (size_t i = 0; result == 0 && i < search->request->n_files; i++) {
		CLEANUP_FREE char *copy = xstrdup(search->request->files[i]);

		result = walk_root(search, dirname(copy), &outside, err);
	}
	return result;
}

static void find_files(struct search *search)
{
	const struct clones_request *request = search->request;

	search->places.n_files = request->n_files;
	search->places.files = xcalloc(request->n_files + 1, sizeof *search->places.files);
	for (size_t i = 0; i < request->n_files; i++)
		stat(request->files[i], &search->places.files[i]);
}

int clones_find(const struct clones_request *request, struct clones *ret, struct error *err)
{
	struct clones found = {0};
	CLEANUP_FREE char *templates = path_join(request->library, "templates");
	struct search search = {.request = request, .out = &found, .templates = templates};
	const struct clone_use outside = {.place = CLONE_OUTSIDE};
	int result = 0;

	find_places(&search);
	find_files(&search);
	if (request->n_files == 0)
		result = walk_library(&search, err);
	for (size_t i = 0; result == 0 && i < request->n_roots; i++)
		result = walk_root(&search, request->roots[i], &outside, err);
	if (result == 0)
		result = walk_beside(&search, err);
	tdestroy(search.directories, free);
	free(search.places.files);
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
	for (size_t i = 0; i < clones->n_unknown; i++) {
		free(clones->unknown[i].path);
		free(clones->unknown[i].why);
	}
	free(clones->unknown);
	*clones = (struct clones){0};
}
