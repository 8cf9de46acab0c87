/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/place.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"

enum { CHUNK = 1 << 18 };

static int make_parent(const char *path, struct error *err)
{
	CLEANUP_FREE char *copy = xstrdup(path);

	return directory_make(dirname(copy), 0755, err);
}

static int sync_file(const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fchmod(fd, 0644) < 0 || fsync(fd) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

int place_move(const char *directory, const char *source, const char *to, struct error *err)
{
	CLEANUP_FREE char *path = path_join(directory, to);

	if (make_parent(path, err) < 0 || sync_file(source, err) < 0)
		return -1;
	if (rename(source, path) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return file_sync_directory_of(path, err);
}

static int copy_bytes(int from, int to, const char *path, struct error *err)
{
	CLEANUP_FREE char *chunk = xmalloc(CHUNK);
	ssize_t n;

	while ((n = read(from, chunk, CHUNK)) > 0)
		if (file_write_all(to, chunk, (size_t)n, err) < 0)
			return error_prefix(err, "%s", path);
	return n < 0 ? error_os(err, ERROR_IO, errno, "%s", path) : 0;
}

static int copy_file(const char *from, const char *to, struct error *err)
{
	CLEANUP_CLOSE int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), out = -1;

	if (in < 0)
		return error_os(err, ERROR_IO, errno, "%s", from);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (out < 0)
		return error_os(err, ERROR_IO, errno, "%s", to);
	return copy_bytes(in, out, to, err);
}

int place_copy(const char *directory, const char *from, const char *to, struct error *err)
{
	CLEANUP_FREE char *source = path_join(directory, from), *path = path_join(directory, to);
	CLEANUP_FREE char *aside = xasprintf("%s.new", path);

	if (make_parent(path, err) < 0)
		return -1;
	unlink(aside);
	if (link(source, aside) < 0 && copy_file(source, aside, err) < 0)
		return -1;
	return place_move(directory, aside, to, err);
}
