/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "library/inside.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "library/policy.h"

typedef bool judge(int dir, const struct stat *st, const void *opaque);

bool same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_ino && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
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
			return dir >= 0 && is_so_above(dir, is_library, NULL);
	}
}
