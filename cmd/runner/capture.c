/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the state of the view, in the form that lib/run/capture_format.h describes.  Ids, ACLs and
 * capabilities are what the kernel says inside the namespace: the guest's. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "run/capture_format.h"
#include "runner.h"

enum { FLUSH_AT = 1 << 18, PIECE = 1 << 20 };

struct capture {
	const struct snapshot *before;
	int fd;
	struct buffer out;
	uint64_t n_entries;
	struct sent sent; /* inodes with several names whose content is out */
};

static int flush(struct capture *capture, struct error *err)
{
	const char *at = capture->out.data;
	size_t left = capture->out.len;

	while (left > 0) {
		ssize_t n = write(capture->fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_os(err, ERROR_HOST, errno, "write the capture");
		at += n;
		left -= (size_t)n;
	}
	capture->out.len = 0;
	return 0;
}

static void put(struct capture *capture, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buffer_putc(&capture->out, (char)(value >> (8 * i)));
}

static void put_bytes(struct capture *capture, const void *data, size_t len)
{
	put(capture, len, 4);
	buffer_append(&capture->out, data, len);
}

static void put_text(struct capture *capture, const char *text)
{
	put_bytes(capture, text, strlen(text));
}

static void put_time(struct capture *capture, const struct timespec *time)
{
	put(capture, (uint64_t)time->tv_sec, 8);
	put(capture, (uint64_t)time->tv_nsec, 4);
}

static void put_stat(struct capture *capture, const struct walk_entry *entry, unsigned flags)
{
	const struct stat *st = &entry->stat;

	put(capture, st->st_mode, 4);
	put(capture, flags, 4);
	put(capture, st->st_nlink, 4);
	put(capture, st->st_uid, 4);
	put(capture, st->st_gid, 4);
	put(capture, (uint64_t)st->st_size, 8);
	put(capture, (uint64_t)st->st_blocks, 8);
	put(capture, major(st->st_rdev), 4);
	put(capture, minor(st->st_rdev), 4);
	put_time(capture, &st->st_mtim);
	put_time(capture, &st->st_ctim);
	put_time(capture, &entry->birth);
}

/* The overlay's own bookkeeping is no part of the guest. */
static bool is_foreign(const char *name)
{
	return strncmp(name, "trusted.overlay.", 16) == 0;
}

static int put_xattr(struct capture *capture, const struct walk_entry *entry, const char *name,
		     struct error *err)
{
	char value[CAPTURE_STRING_LIMIT];
	ssize_t len = lgetxattr(entry->name, name, value, sizeof value);

	if (len < 0)
		return error_os(err, ERROR_HOST, errno, "read %s of %s", name, entry->path);
	put_text(capture, name);
	put_bytes(capture, value, (size_t)len);
	return 0;
}

static int put_xattrs(struct capture *capture, const struct walk_entry *entry, struct error *err)
{
	char names[CAPTURE_STRING_LIMIT];
	ssize_t len = llistxattr(entry->name, names, sizeof names);
	uint32_t count = 0;

	if (len < 0 && errno != ENOTSUP)
		return error_os(err, ERROR_HOST, errno, "list xattrs of %s", entry->path);
	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(names + i) + 1)
		count += !is_foreign(names + i);
	put(capture, count, 4);
	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(names + i) + 1)
		if (!is_foreign(names + i) && put_xattr(capture, entry, names + i, err) < 0)
			return -1;
	return 0;
}

static int put_target(struct capture *capture, const struct walk_entry *entry, struct error *err)
{
	char target[CAPTURE_STRING_LIMIT];
	ssize_t len = readlinkat(entry->dir, entry->name, target, sizeof target);

	if (len < 0)
		return error_os(err, ERROR_HOST, errno, "read the link %s", entry->path);
	put_bytes(capture, target, (size_t)len);
	return 0;
}

static int send_extent(struct capture *capture, int file, off_t start, off_t end, struct error *err)
{
	put(capture, (uint64_t)start, 8);
	put(capture, (uint64_t)(end - start), 8);
	if (flush(capture, err) < 0)
		return -1;
	while (start < end) {
		size_t n = end - start < PIECE ? (size_t)(end - start) : PIECE;
		ssize_t sent = sendfile(capture->fd, file, &start, n);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return error_os(err, ERROR_HOST, sent < 0 ? errno : EIO,
					"send the content of a file");
	}
	return 0;
}

static int send_extents(struct capture *capture, int file, off_t size, struct error *err)
{
	off_t start, end = 0;

	while (end < size) {
		start = lseek(file, end, SEEK_DATA);
		if (start < 0 && errno == ENXIO)
			return 0;
		end = start < 0 ? -1 : lseek(file, start, SEEK_HOLE);
		if (end < 0)
			return error_os(err, ERROR_HOST, errno, "find the extents of a file");
		if (start < end && send_extent(capture, file, start, end, err) < 0)
			return -1;
	}
	return 0;
}

static bool already_sent(struct capture *capture, const struct walk_entry *entry)
{
	return entry->stat.st_nlink > 1 && sent_before(&capture->sent, entry->ino);
}

static int put_content(struct capture *capture, const struct walk_entry *entry, struct error *err)
{
	if (!already_sent(capture, entry) && entry->stat.st_size > 0) {
		CLEANUP_CLOSE int file = openat(entry->dir, entry->name,
						O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

		if (file < 0)
			return error_os(err, ERROR_HOST, errno, "open %s", entry->path);
		if (send_extents(capture, file, entry->stat.st_size, err) < 0)
			return error_prefix(err, "%s", entry->path);
	}
	put(capture, 0, 8);
	put(capture, 0, 8);
	return 0;
}

static int put_touched(struct capture *capture, const struct walk_entry *entry, struct error *err)
{
	unsigned flags;

	if (flags_get(entry, &flags, err) < 0)
		return -1;
	buffer_putc(&capture->out, CAPTURE_TOUCHED);
	put_text(capture, entry->path);
	put(capture, entry->ino, 8);
	put_text(capture, snapshot_origin(capture->before, entry));
	put_stat(capture, entry, flags);
	if (put_xattrs(capture, entry, err) < 0)
		return -1;
	if (S_ISLNK(entry->stat.st_mode))
		return put_target(capture, entry, err);
	return S_ISREG(entry->stat.st_mode) ? put_content(capture, entry, err) : 0;
}

static int capture_entry(void *opaque, const struct walk_entry *entry, struct error *err)
{
	struct capture *capture = opaque;

	capture->n_entries++;
	if (snapshot_untouched(capture->before, entry)) {
		buffer_putc(&capture->out, CAPTURE_UNTOUCHED);
		put_text(capture, entry->path);
		put(capture, entry->ino, 8);
	} else if (put_touched(capture, entry, err) < 0) {
		return -1;
	}
	return capture->out.len > FLUSH_AT ? flush(capture, err) : 0;
}

int capture_write(const struct snapshot *before, int fd, struct error *err)
{
	struct capture capture = {.before = before, .fd = fd};
	int outcome;

	buffer_append(&capture.out, CAPTURE_MAGIC, CAPTURE_MAGIC_SIZE);
	outcome = walk(capture_entry, &capture, err);
	if (outcome == 0) {
		buffer_putc(&capture.out, CAPTURE_END);
		put(&capture, capture.n_entries, 8);
		outcome = flush(&capture, err);
	}
	buffer_free(&capture.out);
	free(capture.sent.inodes);
	return outcome;
}
