/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/directory.h"
#include "base/memory.h"
#include "base/temporary.h"

static enum error_kind kind_of_open(int os_errno)
{
	switch (os_errno) {
	case ENOENT:
	case ENOTDIR:
		return ERROR_MISSING;
	case EACCES:
	case EPERM:
		return ERROR_DENIED;
	default:
		return ERROR_IO;
	}
}

static int refuse_type(const char *path, const char *what, mode_t mode, enum error_kind kind,
		       struct error *err)
{
	CLEANUP_FREE char *real = NULL;

	if (S_ISLNK(mode)) {
		real = realpath(path, NULL);
		return error_set(err, kind, "%s: is a symbolic link; give the file itself%s%s",
				 path, real ? ": " : "", real ? real : "");
	}
	return error_set(err, kind, "%s: is %s, not %s", path,
			 S_ISDIR(mode)	  ? "a directory"
			 : S_ISFIFO(mode) ? "a fifo"
			 : S_ISSOCK(mode) ? "a socket"
					  : "a device",
			 what);
}

/* The type is asked before opening (opening a device can have effects) and after (it may have been
 * another file). */
int file_open(const char *path, const char *what, enum error_kind kind, struct error *err)
{
	CLEANUP_CLOSE int fd = -1;
	struct stat st;

	if (lstat(path, &st) < 0)
		return error_os(err, kind_of_open(errno), errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return refuse_type(path, what, st.st_mode, kind, err);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_os(err, kind_of_open(errno), errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return refuse_type(path, what, st.st_mode, kind, err);
	return steal_fd(&fd);
}

static int read_all(int fd, const char *name, size_t limit, enum error_kind kind,
		    struct buffer *ret, struct error *err)
{
	enum { CHUNK = 1 << 16 };
	size_t start = ret->len;
	ssize_t n;

	for (;;) {
		n = read(fd, buffer_reserve(ret, CHUNK), CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_os(err, ERROR_IO, errno, "%s", name);
		ret->len += n;
		ret->data[ret->len] = '\0';
		if (ret->len - start > limit)
			return error_set(err, kind, "%s: longer than %zu bytes", name, limit);
		if (n == 0)
			return 0;
	}
}

int file_read_fd(int fd, const char *name, size_t limit, struct buffer *ret, struct error *err)
{
	return read_all(fd, name, limit, ERROR_IO, ret, err);
}

int file_read_document(const char *path, size_t limit, enum error_kind kind, struct buffer *ret,
		       struct error *err)
{
	CLEANUP_CLOSE int fd = file_open(path, "a file", kind, err);

	return fd < 0 ? -1 : read_all(fd, path, limit, kind, ret, err);
}

int file_read(const char *path, size_t limit, struct buffer *ret, struct error *err)
{
	return file_read_document(path, limit, ERROR_IO, ret, err);
}

int file_read_pieces(int fd, const struct monitor *monitor, file_piece *take, void *opaque,
		     struct error *err)
{
	enum { PIECE = 1 << 18 };
	CLEANUP_FREE char *piece = xmalloc(PIECE);
	off_t offset = 0;
	ssize_t n;

	while ((n = pread(fd, piece, PIECE, offset)) != 0) {
		if (monitor_check(monitor, err) < 0)
			return -1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_os(err, ERROR_IO, errno, "reading");
		take(opaque, piece, (size_t)n);
		offset += n;
	}
	return 0;
}

int file_write_all(int fd, const void *data, size_t len, struct error *err)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_os(err, ERROR_IO, errno, "write");
		at += n;
		len -= n;
	}
	return 0;
}

int file_of_memory(const void *data, size_t len, struct error *err)
{
	CLEANUP_CLOSE int fd = memfd_create("memory", MFD_CLOEXEC);

	if (fd < 0)
		return error_os(err, ERROR_HOST, errno, "memfd_create");
	if (file_write_all(fd, data, len, err) < 0)
		return -1;
	lseek(fd, 0, SEEK_SET);
	return steal_fd(&fd);
}

int file_sync_directory_of(const char *path, struct error *err)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	const char *parent = dirname(copy);
	CLEANUP_CLOSE int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return error_os(err, ERROR_IO, errno, "%s", parent);
	return 0;
}

static int write_and_sync(int fd, const void *data, size_t len, mode_t mode, struct error *err)
{
	if (file_write_all(fd, data, len, err) < 0)
		return -1;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return error_os(err, ERROR_IO, errno, "fsync");
	return 0;
}

/* A new file is made without a name: killed at any moment, nothing is left.  1: it has its name, 0:
 * not here (the file exists, or the file system cannot), -1. */
static int make_nameless(const char *directory, const char *path, const void *data, size_t len,
			 mode_t mode, struct error *err)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_FREE char *link = NULL;
	struct stat st;

	if (lstat(path, &st) == 0)
		return 0;
	fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return 0;
	link = xasprintf("/proc/self/fd/%d", fd);
	if (write_and_sync(fd, data, len, mode, err) < 0)
		return error_prefix(err, "%s", path);
	return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

static int make_aside(const char *directory, const char *path, const void *data, size_t len,
		      mode_t mode, struct error *err)
{
	CLEANUP_FREE char *temporary = temporary_path(directory, "new");
	CLEANUP_CLOSE int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_os(err, kind_of_open(errno), errno, "%s", path);
	if (write_and_sync(fd, data, len, mode, err) < 0) {
		unlink(temporary);
		return error_prefix(err, "%s", path);
	}
	if (rename(temporary, path) < 0) {
		error_os(err, ERROR_IO, errno, "%s", path);
		unlink(temporary);
		return -1;
	}
	return 0;
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct error *err)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	const char *directory = dirname(copy);
	int made = make_nameless(directory, path, data, len, mode, err);

	if (made == 0)
		made = make_aside(directory, path, data, len, mode, err);
	return made < 0 ? -1 : file_sync_directory_of(path, err);
}

int directory_make(const char *path, mode_t mode, struct error *err)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	struct stat st;

	for (char *slash = copy + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return error_os(err, kind_of_open(errno), errno, "%s", copy);
	}
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return error_os(err, kind_of_open(errno), errno, "%s", path);
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return error_set(err, ERROR_MISSING, "%s: not a directory", path);
	return 0;
}

static int remove_entries(int dir_fd, dev_t device, struct error *err);

static int remove_entry(int dir_fd, const char *name, dev_t device, struct error *err)
{
	CLEANUP_CLOSE int fd = -1;
	struct stat st;
	int refused;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	refused = errno;
	if (refused != EISDIR && refused != EPERM)
		return error_os(err, ERROR_IO, refused, "removing %s", name);
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_os(err, ERROR_IO, errno == ENOTDIR ? refused : errno, "removing %s",
				name);
	if (st.st_dev != device)
		return error_set(err, ERROR_IO, "removing %s: a file system is mounted there",
				 name);
	if (remove_entries(fd, device, err) < 0)
		return -1;
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0)
		return error_os(err, ERROR_IO, errno, "removing %s", name);
	return 0;
}

static int remove_entries(int dir_fd, dev_t device, struct error *err)
{
	int copy = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	int result = 0;

	if (!dir) {
		error_os(err, ERROR_IO, errno, "reading a directory");
		if (copy >= 0)
			close(copy);
		return -1;
	}
	while (result == 0 && (entry = directory_next(dir, "a directory", &result, err)))
		result = remove_entry(dir_fd, entry->d_name, device, err);
	closedir(dir);
	return result;
}

int directory_remove(const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (remove_entries(fd, st.st_dev, err) < 0)
		return error_prefix(err, "%s", path);
	if (rmdir(path) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

char *directory_make_temporary(const char *parent, const char *prefix, struct error *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s.XXXXXX", parent, prefix);

	if (!mkdtemp(path))
		return error_os(err, kind_of_open(errno), errno, "%s", parent), NULL;
	return steal(path);
}

int directory_free_bytes(const char *path, uint64_t *ret, struct error *err)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return error_os(err, kind_of_open(errno), errno, "%s", path);
	*ret = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

char *path_join(const char *directory, const char *name)
{
	size_t len = strlen(directory);

	return xasprintf("%s%s%s", directory, len && directory[len - 1] == '/' ? "" : "/", name);
}
