/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads what the runner says of the view.  The runner is ours but lives among the guest's programs,
 * so the stream is hostile: every length is bounded before it is believed, every path must be one
 * that a file system can have, and nothing is kept that does not form a tree.
 */
#include "run/capture_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "run/capture_check.h"
#include "run/capture_format.h"
#include "run/capture_stream.h"

enum { EXTENTS_LIMIT = 1 << 20 };

static bool is_component(const char *name, size_t len)
{
	return len > 0 && len <= 255 && !(len == 1 && name[0] == '.') &&
	       !(len == 2 && name[0] == '.' && name[1] == '.');
}

/* "/" or "/a/b": no empty component, no "." and "..". */
static bool is_path(const char *path)
{
	if (strcmp(path, "/") == 0)
		return true;
	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (!is_component(path, len))
			return false;
		path += len;
	}
	return *path == '\0';
}

static int get_path(struct capture_stream *stream, char **ret, struct error *err)
{
	CLEANUP_FREE char *path = NULL;

	if (capture_get_text(stream, &path, err) < 0)
		return -1;
	if (path[0] != '/' || !is_path(path))
		return capture_malformed("not a path", err);
	*ret = steal(path);
	return 0;
}

static int get_origin(struct capture_stream *stream, char **ret, struct error *err)
{
	CLEANUP_FREE char *path = NULL;

	if (capture_get_text(stream, &path, err) < 0)
		return -1;
	if (path[0] && !is_path(path))
		return capture_malformed("not a path", err);
	*ret = path[0] ? steal(path) : NULL;
	return 0;
}

static int get_time(struct capture_stream *stream, struct fs_time *ret, struct error *err)
{
	uint64_t sec;

	if (capture_get_number(stream, 8, &sec, err) < 0 ||
	    capture_get_u32(stream, &ret->nsec, err) < 0)
		return -1;
	ret->sec = (int64_t)sec;
	return ret->nsec < 1000000000 ? 0 : capture_malformed("a time", err);
}

static bool is_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	default:
		return false;
	}
}

static int get_stat(struct capture_stream *stream, struct fs_stat *ret, struct error *err)
{
	uint32_t mode;

	if (capture_get_u32(stream, &mode, err) < 0 ||
	    capture_get_u32(stream, &ret->flags, err) < 0 ||
	    capture_get_u32(stream, &ret->nlink, err) < 0 ||
	    capture_get_u32(stream, &ret->uid, err) < 0 ||
	    capture_get_u32(stream, &ret->gid, err) < 0 ||
	    capture_get_number(stream, 8, &ret->size, err) < 0 ||
	    capture_get_number(stream, 8, &ret->blocks, err) < 0 ||
	    capture_get_u32(stream, &ret->rdev_major, err) < 0 ||
	    capture_get_u32(stream, &ret->rdev_minor, err) < 0 ||
	    get_time(stream, &ret->mtime, err) < 0 || get_time(stream, &ret->ctime, err) < 0 ||
	    get_time(stream, &ret->btime, err) < 0)
		return -1;
	ret->mode = mode;
	if (!is_type(mode) || mode & ~(uint32_t)(S_IFMT | 07777) || ret->flags & ~CAPTURE_FLAGS ||
	    ret->size > INT64_MAX || ret->nlink == 0)
		return capture_malformed("impossible metadata", err);
	return 0;
}

static int by_xattr_name(const void *a, const void *b)
{
	const struct fs_xattr *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int get_xattrs(struct capture_stream *stream, struct fs_xattrs *ret, struct error *err)
{
	uint32_t count;

	if (capture_get_u32(stream, &count, err) < 0)
		return -1;
	if (count > CAPTURE_XATTR_LIMIT)
		return capture_malformed("too many extended attributes", err);
	for (uint32_t i = 0; i < count; i++) {
		struct fs_xattr *xattr = ARRAY_ADD(ret->items, ret->n_items);

		if (capture_get_text(stream, &xattr->name, err) < 0 ||
		    capture_get_bytes(stream, &xattr->value, &xattr->size, err) < 0)
			return -1;
	}
	if (count)
		qsort(ret->items, ret->n_items, sizeof *ret->items, by_xattr_name);
	return 0;
}

static int get_extent(struct capture_stream *stream, struct capture_entry *entry, uint64_t *end,
		      bool *ret_more, struct error *err)
{
	struct capture_extent extent = {.spool = stream->spooled};
	uint64_t after;

	if (capture_get_number(stream, 8, &extent.offset, err) < 0 ||
	    capture_get_number(stream, 8, &extent.length, err) < 0)
		return -1;
	*ret_more = extent.length > 0;
	if (!*ret_more)
		return 0;
	if (extent.offset < *end || __builtin_add_overflow(extent.offset, extent.length, &after) ||
	    after > entry->stat.size || entry->n_extents == EXTENTS_LIMIT)
		return capture_malformed("an extent outside its file", err);
	if (extent.length > stream->limit - stream->spooled)
		return error_set(err, ERROR_SPACE, "the run changed more than %llu bytes of files",
				 (unsigned long long)stream->limit);
	if (capture_spool(stream, extent.length, err) < 0)
		return -1;
	stream->spooled += extent.length;
	*end = after;
	*ARRAY_ADD(entry->extents, entry->n_extents) = extent;
	return 0;
}

static int get_extents(struct capture_stream *stream, struct capture_entry *entry,
		       struct error *err)
{
	uint64_t end = 0;
	bool more = true;

	while (more)
		if (get_extent(stream, entry, &end, &more, err) < 0)
			return -1;
	return 0;
}

static int get_touched(struct capture_stream *stream, struct capture_entry *entry,
		       struct error *err)
{
	if (get_origin(stream, &entry->origin_path, err) < 0 ||
	    get_stat(stream, &entry->stat, err) < 0 || get_xattrs(stream, &entry->xattrs, err) < 0)
		return -1;
	entry->stat.ino = entry->ino;
	if (S_ISLNK(entry->stat.mode))
		return capture_get_text(stream, &entry->target, err);
	return S_ISREG(entry->stat.mode) ? get_extents(stream, entry, err) : 0;
}

static int get_entries(struct capture_stream *stream, struct capture *capture, struct error *err)
{
	char tag;

	for (;;) {
		struct capture_entry *entry;

		if (capture_get(stream, &tag, 1, err) < 0)
			return -1;
		if (tag == CAPTURE_END)
			return 0;
		if (tag != CAPTURE_UNTOUCHED && tag != CAPTURE_TOUCHED)
			return capture_malformed("an unknown entry", err);
		if (capture->n_entries == CAPTURE_ENTRY_LIMIT)
			return capture_malformed("too many entries", err);
		entry = ARRAY_ADD(capture->entries, capture->n_entries);
		entry->touched = tag == CAPTURE_TOUCHED;
		if (get_path(stream, &entry->path, err) < 0 ||
		    capture_get_number(stream, 8, &entry->ino, err) < 0 ||
		    (entry->touched && get_touched(stream, entry, err) < 0))
			return -1;
	}
}

static int get_stream(struct capture_stream *stream, struct capture *capture, struct error *err)
{
	char magic[CAPTURE_MAGIC_SIZE];
	uint64_t count;

	if (capture_get(stream, magic, sizeof magic, err) < 0)
		return -1;
	if (memcmp(magic, CAPTURE_MAGIC, sizeof magic) != 0)
		return capture_malformed("not a capture", err);
	if (get_entries(stream, capture, err) < 0 || capture_get_number(stream, 8, &count, err) < 0)
		return -1;
	return count == capture->n_entries ? 0 : capture_malformed("entries are missing", err);
}

static int spool_open(const char *directory, struct error *err)
{
	CLEANUP_FREE char *path = path_join(directory, "capture.XXXXXX");
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "make a spool file in %s", directory);
	unlink(path);
	return fd;
}

struct capture *capture_read(int fd, const char *spool_dir, uint64_t limit,
			     const struct monitor *monitor, struct error *err)
{
	CLEANUP(capture_free)
	struct capture *capture = xcalloc(1, sizeof *capture);
	CLEANUP_FREE unsigned char *buffer = xmalloc(CAPTURE_BUFFER_SIZE);
	struct capture_stream stream = {.fd = fd,
					.spool_dir = spool_dir,
					.limit = limit,
					.monitor = monitor,
					.buffer = buffer};

	capture->spool = spool_open(spool_dir, err);
	if (capture->spool < 0)
		return NULL;
	stream.spool = capture->spool;
	if (get_stream(&stream, capture, err) < 0)
		return NULL;
	if (capture_check(capture, err) < 0)
		return NULL;
	return steal(capture);
}
