/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/directory.h"
#include "base/file.h"
#include "base/memory.h"

bool beneath_is_safe(const char *path)
{
	const char *part = path;

	for (const char *s = path; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	for (;;) {
		size_t len = strcspn(part, "/");

		if (len == 0 || (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		if (!part[len])
			return true;
		part += len + 1;
	}
}

static int open_error(const char *path, struct error *err)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return error_set(err, ERROR_MISSING, "%s: not in the mirror", path);
	case EXDEV:
		return error_set(err, ERROR_TRUST,
				 "%s: a symbolic link leads out of the mirror; give the directory "
				 "it points to as the mirror, or copy it",
				 path);
	case ELOOP:
		return error_set(err, ERROR_TRUST, "%s: a loop of symbolic links", path);
	default:
		return error_os(err, ERROR_IO, errno, "%s", path);
	}
}

static int open_beneath(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* EAGAIN: something was renamed meanwhile. */
	for (int tries = 0; tries < 100; tries++) {
		fd = syscall(SYS_openat2, root, path, &how, sizeof how);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return (int)fd;
}

int beneath_open(int root, const char *path, int flags, struct error *err)
{
	int fd = open_beneath(root, path, flags);

	return fd >= 0 ? fd : open_error(path, err);
}

int beneath_read(int root, const char *path, size_t limit, struct buffer *ret, struct error *err)
{
	CLEANUP_CLOSE int fd = beneath_open(root, path, 0, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_TRUST, "%s: not a regular file", path);
	if (st.st_size < 0 || (size_t)st.st_size > limit)
		return error_set(err, ERROR_TRUST, "%s: longer than %zu bytes", path, limit);
	return file_read_fd(fd, path, limit, ret, err);
}

void beneath_list_free(struct beneath_list *list)
{
	for (size_t i = 0; i < list->n_paths; i++)
		free(list->paths[i]);
	free(list->paths);
	*list = (struct beneath_list){0};
}

static void list_add(struct beneath_list *list, const char *path)
{
	*ARRAY_ADD(list->paths, list->n_paths) = xstrdup(path);
}

struct walk {
	int root;
	struct beneath_list *list;
};

static int walk_directory(const struct walk *walk, const char *path, int depth, int links,
			  struct error *err);

/* DT_UNKNOWN: the file system does not say, so it is opened to see. */
static int walk_entry(const struct walk *walk, const char *path, const struct dirent *entry,
		      const int budget[2], struct error *err)
{
	CLEANUP_FREE char *child = path_join(path, entry->d_name);
	bool link = entry->d_type == DT_LNK;

	if (entry->d_type == DT_REG) {
		list_add(walk->list, child);
		return 0;
	}
	if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN && !link)
		return 0;
	if (budget[0] <= 1 || (link && budget[1] == 0))
		return 0;
	return walk_directory(walk, child, budget[0] - 1, budget[1] - link, err);
}

static int walk_directory(const struct walk *walk, const char *path, int depth, int links,
			  struct error *err)
{
	int fd = open_beneath(walk->root, path, O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int result = 0;

	if (fd < 0 && errno == ENOTDIR) {
		list_add(walk->list, path);
		return 0;
	}
	if (fd < 0)
		return errno == ENOENT ? 0 : open_error(path, err);
	if (!dir) {
		error_os(err, ERROR_IO, errno, "%s", path);
		close(fd);
		return -1;
	}
	while (result == 0 && (entry = directory_next(dir, path, &result, err)))
		result = walk_entry(walk, path, entry, (int[]){depth, links}, err);
	closedir(dir);
	return result;
}

int beneath_walk(int root, const char *path, int depth, struct beneath_list *list,
		 struct error *err)
{
	struct walk walk = {.root = root, .list = list};

	return walk_directory(&walk, path, depth, 1, err);
}

void beneath_list_sort(struct beneath_list *list)
{
	if (list->n_paths)
		qsort(list->paths, list->n_paths, sizeof *list->paths, strings_compare);
}

bool beneath_list_has(const struct beneath_list *list, const char *path)
{
	return list->n_paths &&
	       bsearch(&path, list->paths, list->n_paths, sizeof *list->paths, strings_compare);
}
