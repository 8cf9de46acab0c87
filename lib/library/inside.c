/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "library/inside.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "library/mounts.h"
#include "library/policy.h"

typedef bool judge(int dir, const struct stat *st, const void *opaque);

bool same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_ino && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool same_file(const char *a, const char *b)
{
	struct stat first, second;

	return stat(a, &first) == 0 && stat(b, &second) == 0 && same_inode(&first, &second);
}

/* Is it so of the directory, or of one above it? */
static bool is_so_above(int dir, judge *is_so, const void *opaque)
{
	CLEANUP_CLOSE int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	struct stat st, above;

	while (at >= 0 && fstat(at, &st) == 0) {
		int next;

		if (is_so(at, &st, opaque))
			return true;
		next = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
		if (at >= 0 && fstat(at, &above) == 0 && same_inode(&st, &above))
			return false;
	}
	return false;
}

static bool is_root(int dir, const struct stat *st, const void *opaque)
{
	(void)dir;
	return same_inode(st, opaque);
}

bool directory_is_inside(int dir, const struct stat *root)
{
	return is_so_above(dir, is_root, root);
}

static bool is_library(int dir, const struct stat *st, const void *opaque)
{
	struct stat templates, policy;

	(void)st;
	(void)opaque;
	return fstatat(dir, "templates", &templates, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(templates.st_mode) &&
	       fstatat(dir, POLICY_NAME, &policy, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(policy.st_mode);
}

/* Where another mount has the directory that is the root of the one that `dir` lies in; NULL: there
 * is none.  Above such a root ".." leads on from the place where it is mounted. */
static int open_elsewhere(int dir)
{
	CLEANUP_MOUNTS struct mounts mounts = {0};
	const struct mount *own = mounts_load(&mounts) < 0 ? NULL : mounts_of(&mounts, dir);
	struct stat st, there;

	for (size_t i = 0; own && stat(own->point, &st) == 0 && i < mounts.n; i++) {
		CLEANUP_FREE char *path = mount_path_of(&mounts.items[i], own);
		CLEANUP_CLOSE int fd = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

		if (fd >= 0 && fstat(fd, &there) == 0 && same_inode(&st, &there))
			return steal_fd(&fd);
	}
	return -1;
}

static bool is_library_above(int dir)
{
	CLEANUP_CLOSE int elsewhere = -1;

	if (is_so_above(dir, is_library, NULL))
		return true;
	elsewhere = open_elsewhere(dir);
	return elsewhere >= 0 && is_so_above(elsewhere, is_library, NULL);
}

bool path_is_in_library(const char *path)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	char *directory = copy;

	for (;;) {
		CLEANUP_CLOSE int dir = -1;
		bool is_last;

		directory = dirname(directory);
		is_last = !strcmp(directory, "/") || !strcmp(directory, ".");
		dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0 || is_last)
			return dir >= 0 && is_library_above(dir);
	}
}
