/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that must be in the guest during the run and not after it.  A name that is free is taken
 * with a file of ours and given back, with its directory's mtime kept both times; a name that is in
 * use gets ours mounted over it, or, where a package may bring such a file, the guest's own is
 * moved aside.  When a package has put its own file in the place of ours, that one stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

struct put {
	const struct job_file *file;
	bool made;
	struct stat made_stat;
	char *mounted; /* where it lies over the guest's own */
	char *moved;   /* where the guest's own is meanwhile */
};
static struct put *all_puts;
static size_t n_puts;
static char machine_id_path[] = "/etc/machine-id";
static struct job_file machine_id = {.path = machine_id_path, .mode = 0444};
static struct put lent;

static int parent_open(const char *path, struct stat *ret)
{
	CLEANUP_FREE char *directory = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	int fd = open(*directory ? directory : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, ret) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int keep_mtime(int fd, const struct stat *before)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, before->st_mtim};

	return futimens(fd, times);
}

int unlink_quietly(const char *path)
{
	struct stat before;
	CLEANUP_CLOSE int parent = parent_open(path, &before);

	if (parent < 0 || unlink(path) < 0)
		return -1;
	return keep_mtime(parent, &before);
}

int symlink_quietly(const char *target, const char *path)
{
	struct stat before;
	CLEANUP_CLOSE int parent = parent_open(path, &before);

	if (parent < 0 || symlink(target, path) < 0)
		return -1;
	return keep_mtime(parent, &before);
}

static int put_make(struct put *put, struct error *err)
{
	struct stat before;
	CLEANUP_CLOSE int parent = parent_open(put->file->path, &before);

	if (parent < 0 && errno == ENOENT)
		return 0;
	if (parent < 0 ||
	    tmpfs_file(put->file->path, put->file->content, put->file->mode, err) < 0 ||
	    lstat(put->file->path, &put->made_stat) < 0 || keep_mtime(parent, &before) < 0)
		return error_os(err, ERROR_HOST, errno, "make %s for the run", put->file->path);
	put->made = true;
	return 0;
}

static int put_over(struct put *put, struct error *err)
{
	CLEANUP_FREE char *ours = xasprintf(JOB_DIRECTORY "/%s", strrchr(put->file->path, '/') + 1);

	put->mounted = realpath(put->file->path, NULL);
	if (!put->mounted)
		return error_os(err, ERROR_HOST, errno, "resolve the guest's %s", put->file->path);
	if (tmpfs_file(ours, put->file->content, put->file->mode, err) < 0)
		return -1;
	return mount_over(ours, put->mounted, err);
}

static int rename_quietly(const char *from, const char *to, unsigned flags)
{
	struct stat before;
	CLEANUP_CLOSE int parent = parent_open(from, &before);

	if (parent < 0 || renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) < 0)
		return -1;
	return keep_mtime(parent, &before);
}

static int put_instead(struct put *put, struct error *err)
{
	put->moved = xasprintf("%s.coldpatch", put->file->path);
	if (rename_quietly(put->file->path, put->moved, RENAME_NOREPLACE) < 0)
		return error_os(err, ERROR_HOST, errno, "move the guest's %s aside",
				put->file->path);
	return put_make(put, err);
}

static int put_place(struct put *put, struct error *err)
{
	struct stat there;

	if (lstat(put->file->path, &there) < 0)
		return put_make(put, err);
	return put->file->replaceable && !S_ISDIR(there.st_mode) ? put_instead(put, err)
								 : put_over(put, err);
}

int puts_place(const struct job *job, struct error *err)
{
	for (size_t i = 0; i < job->n_puts; i++) {
		struct put *put = ARRAY_ADD(all_puts, n_puts);

		*put = (struct put){.file = &job->puts[i]};
		if (put_place(put, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_ours(const struct put *put)
{
	struct stat now;

	return lstat(put->file->path, &now) == 0 && now.st_ino == put->made_stat.st_ino &&
	       now.st_dev == put->made_stat.st_dev;
}

static int put_move_back(const struct put *put, struct error *err)
{
	int status = is_ours(put) ? rename_quietly(put->moved, put->file->path, 0)
				  : unlink_quietly(put->moved);

	if (status < 0)
		return error_os(err, ERROR_HOST, errno, "move the guest's %s back",
				put->file->path);
	return 0;
}

static int put_remove(struct put *put, struct error *err)
{
	CLEANUP_FREE char *ours = xasprintf(JOB_DIRECTORY "/%s", strrchr(put->file->path, '/') + 1);

	if (put->moved)
		return put_move_back(put, err);
	if (put->mounted && unmount_from(put->mounted, err) < 0)
		return -1;
	if (put->mounted && unlink(ours) < 0)
		return error_os(err, ERROR_HOST, errno, "remove %s", ours);
	if (put->made && is_ours(put) && unlink_quietly(put->file->path) < 0)
		return error_os(err, ERROR_HOST, errno, "remove %s after the run", put->file->path);
	return 0;
}

int puts_remove(struct error *err)
{
	for (size_t i = 0; i < n_puts; i++)
		if (put_remove(&all_puts[i], err) < 0)
			return -1;
	return 0;
}

/* Only what begins with a hexadecimal digit can be one: not "uninitialized", nor nothing. */
static bool has_machine_id(void)
{
	CLEANUP_CLOSE int fd = open(machine_id.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char first;

	return fd >= 0 && read(fd, &first, 1) == 1 && strchr("0123456789abcdefABCDEF", first);
}

int machine_id_lend(const struct job *job, struct error *err)
{
	int outcome;

	if (!job->machine_id || has_machine_id())
		return 0;
	machine_id.content = xasprintf("%s\n", job->machine_id);
	lent = (struct put){.file = &machine_id};
	outcome = put_place(&lent, err);
	free(steal(machine_id.content));
	return outcome;
}

int machine_id_take_back(struct error *err)
{
	struct error ignored = {0};
	struct put *put = &lent;
	int outcome = put->file ? put_remove(put, err ? err : &ignored) : 0;

	free(put->mounted);
	*put = (struct put){0};
	return err ? outcome : 0;
}

static int file_write(const struct job_file *file, struct error *err)
{
	CLEANUP_CLOSE int fd =
		open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, file->mode);
	size_t len = strlen(file->content);

	/* Where its directory is not there, nobody reads it. */
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || write(fd, file->content, len) != (ssize_t)len)
		return error_os(err, ERROR_GUEST, errno, "write %s", file->path);
	return 0;
}

int files_write(const struct job *job, struct error *err)
{
	for (size_t i = 0; i < job->n_files; i++)
		if (file_write(&job->files[i], err) < 0)
			return -1;
	return 0;
}
