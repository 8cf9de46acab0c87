/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file is known by device, inode, size and the times of the last change of its bytes and of its
 * inode, which no write leaves as they were.  They are the same before its bytes are read, after
 * that, and when it is opened for the request; else it is read again then.
 */
#include "ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

enum { CHUNK = 1 << 16 };

struct known {
	struct stat st;
	struct digest digest;
};

static struct known *known;
static size_t n_known;

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

/* What cannot be read is an error when the request names it. */
static void digest_path(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct known file;
	struct error ignored;
	struct stat after;

	if (fd < 0 || fstat(fd, &file.st) < 0 || !S_ISREG(file.st.st_mode))
		return;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (digest_of_fd(fd, &file.digest, &ignored) == 0 && fstat(fd, &after) == 0 &&
	    unchanged(&file.st, &after))
		*ARRAY_ADD(known, n_known) = file;
}

/* False: it is no such line, but the beginning of the request. */
static bool act_on_line(const char *line, size_t len)
{
	struct error ignored;
	CLEANUP_JSON json_t *json = json_parse(line, len, "request", ERROR_USAGE, &ignored);
	const json_t *paths = json_object_get(json, "ahead"), *path;
	size_t i;

	if (!json_is_array(paths))
		return false;
	json_array_foreach(paths, i, path) if (json_is_string(path))
		digest_path(json_string_value(path));
	return true;
}

static void act_on_lines(struct buffer *text, bool *in_request)
{
	const char *newline;

	while (!*in_request && text->len && (newline = memchr(text->data, '\n', text->len))) {
		size_t len = (size_t)(newline - text->data);

		*in_request = !act_on_line(text->data, len);
		if (*in_request)
			return;
		text->len -= len + 1;
		memmove(text->data, newline + 1, text->len);
	}
}

int ahead_read(int fd, size_t limit, struct buffer *ret, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	bool in_request = false;
	ssize_t n;

	while ((n = read(fd, buffer_reserve(&text, CHUNK), CHUNK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_os(err, ERROR_IO, errno, "request");
		text.len += (size_t)n;
		act_on_lines(&text, &in_request);
		if (text.len > limit)
			return error_set(err, ERROR_USAGE, "request: larger than %zu bytes", limit);
	}
	*ret = text;
	text = (struct buffer){0};
	return 0;
}

int ahead_digest(int fd, const struct stat *st, struct digest *ret, struct error *err)
{
	for (size_t i = 0; i < n_known; i++)
		if (unchanged(&known[i].st, st)) {
			*ret = known[i].digest;
			return 0;
		}
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return digest_of_fd(fd, ret, err);
}
