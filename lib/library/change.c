/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "library/change.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/temporary.h"
#include "library/inside.h"
#include "library/owner.h"

/* For messages: descriptors have no other name. */
static char *path_of(int dir, const char *name)
{
	char link[64], target[4096];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
	n = readlink(link, target, sizeof target - 1);
	return n < 0 ? xstrdup(name) : xasprintf("%.*s/%s", (int)n, target, name);
}

static int fail(struct error *err, int os_errno, int dir, const char *name, const char *what)
{
	CLEANUP_FREE char *path = path_of(dir, name);

	return error_os(err, ERROR_IO, os_errno, "%s %s", what, path);
}

static int taken(struct error *err, int dir, const char *name)
{
	CLEANUP_FREE char *path = path_of(dir, name);

	return error_set(err, ERROR_BUSY, "%s: somebody else was faster; try again", path);
}

int change_open_directory(const struct library *library, const char *relative, struct error *err)
{
	return library_openat(library, relative, O_RDONLY | O_DIRECTORY, 0, err);
}

int change_sync(int dir, struct error *err)
{
	return fsync(dir) == 0 ? 0 : fail(err, errno, dir, ".", "fsync of");
}

int change_make_directory(int dir, const char *name, mode_t mode, struct error *err)
{
	if (mkdirat(dir, name, mode) == 0)
		return change_sync(dir, err);
	return errno == EEXIST ? 0 : fail(err, errno, dir, name, "making");
}

static int write_file(int dir, const char *name, const char *text, mode_t mode, struct error *err)
{
	CLEANUP_CLOSE int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(err, errno, dir, name, "making");
	if (file_write_all(fd, text, strlen(text), err) < 0)
		return fail(err, err->os_errno, dir, name, "writing");
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || close(steal_fd(&fd)) < 0)
		return fail(err, errno, dir, name, "writing");
	return 0;
}

static bool is_same_file(int from_dir, const char *from, int to_dir, const char *to)
{
	struct stat a, b;

	return fstatat(from_dir, from, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(to_dir, to, &b, AT_SYMLINK_NOFOLLOW) == 0 && same_inode(&a, &b);
}

int change_link(int from_dir, const char *from, int to_dir, const char *to, struct error *err)
{
	int os_errno;

	if (linkat(from_dir, from, to_dir, to, 0) == 0)
		return change_sync(to_dir, err);
	os_errno = errno;
	if (is_same_file(from_dir, from, to_dir, to))
		return change_sync(to_dir, err);
	return os_errno == EEXIST ? taken(err, to_dir, to)
				  : fail(err, os_errno, to_dir, to, "linking");
}

int change_rename(int from_dir, const char *from, int to_dir, const char *to, struct error *err)
{
	if (renameat(from_dir, from, to_dir, to) < 0)
		return errno == ENOTEMPTY || errno == EEXIST
			       ? taken(err, to_dir, to)
			       : fail(err, errno, to_dir, to, "renaming to");
	if (is_same_file(from_dir, ".", to_dir, "."))
		return change_sync(to_dir, err);
	return change_sync(to_dir, err) < 0 ? -1 : change_sync(from_dir, err);
}

/* A link would do everywhere, but the kernel refuses links to files of others
 * (fs.protected_hardlinks). */
int change_rename_new(int from_dir, const char *from, int to_dir, const char *to, struct error *err)
{
	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return change_sync(to_dir, err) < 0 ? -1 : change_sync(from_dir, err);
	if (errno == EEXIST)
		return taken(err, to_dir, to);
	if (errno != EINVAL && errno != ENOSYS)
		return fail(err, errno, to_dir, to, "renaming to");
	return change_link(from_dir, from, to_dir, to, err) < 0
		       ? -1
		       : change_remove(from_dir, from, err);
}

/* A temporary name that cannot be removed is no failure of what was done: recovery takes it. */
int change_write_new(int dir, const char *name, const char *text, mode_t mode, struct error *err)
{
	CLEANUP_FREE char *temporary = temporary_name("new");
	int result = write_file(dir, temporary, text, mode, err);

	if (result == 0)
		result = change_link(dir, temporary, dir, name, err);
	unlinkat(dir, temporary, 0);
	return result;
}

int change_replace(int dir, const char *name, const char *text, mode_t mode, struct error *err)
{
	CLEANUP_FREE char *temporary = temporary_name("new");

	if (write_file(dir, temporary, text, mode, err) == 0 &&
	    change_rename(dir, temporary, dir, name, err) == 0)
		return 0;
	unlinkat(dir, temporary, 0);
	return -1;
}

int change_symlink(int dir, const char *name, const char *target, struct error *err)
{
	CLEANUP_FREE char *temporary = temporary_name("link");
	CLEANUP_FREE char *path = path_of(dir, name);
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISLNK(st.st_mode))
		return error_set(err, ERROR_TRUST, "%s: is no link; move it out of the way", path);
	if (symlinkat(target, dir, temporary) < 0)
		return fail(err, errno, dir, name, "linking");
	if (change_rename(dir, temporary, dir, name, err) == 0)
		return 0;
	unlinkat(dir, temporary, 0);
	return -1;
}

int change_remove(int dir, const char *name, struct error *err)
{
	if (unlinkat(dir, name, 0) == 0)
		return change_sync(dir, err);
	return errno == ENOENT ? 0 : fail(err, errno, dir, name, "removing");
}

int change_remove_tree(int dir, const char *name, struct error *err)
{
	CLEANUP_FREE char *temporary = temporary_name("gone");
	CLEANUP_FREE char *path = xasprintf("/proc/self/fd/%d/%s", dir, temporary);
	CLEANUP_FREE char *shown = path_of(dir, name);
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(err, errno, dir, name, "removing");
	if (!S_ISDIR(st.st_mode))
		return change_remove(dir, name, err);
	if (renameat(dir, name, dir, temporary) < 0)
		return fail(err, errno, dir, name, "removing");
	if (directory_remove(path, err) < 0)
		return error_prefix(err, "removing %s", shown);
	return change_sync(dir, err);
}
