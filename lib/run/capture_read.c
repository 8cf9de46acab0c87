/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads what the runner says of the view.  The runner is ours but lives among the guest's programs,
 * so the stream is hostile: every length is bounded before it is believed, every path must be one
 * that a file system can have, and nothing is kept that does not form a tree.
 */
#include "run/capture_read.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "run/capture_format.h"

enum { BUFFER_SIZE = 1 << 18, POLL_SLICE_MS = 100, EXTENTS_LIMIT = 1 << 20 };

struct reader {
	int fd, spool;
	uint64_t spooled, limit;
	const struct monitor *monitor;
	unsigned char *buffer;
	size_t at, len;
};

static int malformed(const char *what, struct error *err)
{
	return error_set(err, ERROR_GUEST, "the runner's capture is malformed: %s", what);
}

/* Waits until fd can be read, or the caller wants to stop. */
static int wait_readable(struct reader *reader, struct error *err)
{
	struct pollfd fd = {.fd = reader->fd, .events = POLLIN};

	for (;;) {
		if (monitor_check(reader->monitor, err) < 0)
			return -1;
		if (poll(&fd, 1, POLL_SLICE_MS) > 0)
			return 0;
	}
}

static int fill(struct reader *reader, struct error *err)
{
	ssize_t n;

	do {
		if (wait_readable(reader, err) < 0)
			return -1;
		n = read(reader->fd, reader->buffer, BUFFER_SIZE);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return error_os(err, ERROR_IO, errno, "read the capture");
	if (n == 0)
		return malformed("it ends too early", err);
	reader->at = 0;
	reader->len = (size_t)n;
	return 0;
}

static int get(struct reader *reader, void *data, size_t size, struct error *err)
{
	unsigned char *to = data;

	while (size > 0) {
		size_t n = reader->len - reader->at;

		if (n == 0) {
			if (fill(reader, err) < 0)
				return -1;
			continue;
		}
		if (n > size)
			n = size;
		memcpy(to, reader->buffer + reader->at, n);
		reader->at += n;
		to += n;
		size -= n;
	}
	return 0;
}

static int get_number(struct reader *reader, size_t bytes, uint64_t *ret, struct error *err)
{
	unsigned char raw[8];

	if (get(reader, raw, bytes, err) < 0)
		return -1;
	*ret = 0;
	for (size_t i = 0; i < bytes; i++)
		*ret |= (uint64_t)raw[i] << (8 * i);
	return 0;
}

static int get_u32(struct reader *reader, uint32_t *ret, struct error *err)
{
	uint64_t wide;

	if (get_number(reader, 4, &wide, err) < 0)
		return -1;
	*ret = (uint32_t)wide;
	return 0;
}

/* Allocated, NUL-terminated. */
static int get_bytes(struct reader *reader, void **ret, size_t *ret_size, struct error *err)
{
	CLEANUP_FREE char *bytes = NULL;
	uint32_t size;

	if (get_u32(reader, &size, err) < 0)
		return -1;
	if (size > CAPTURE_STRING_LIMIT)
		return malformed("a string is too long", err);
	bytes = xmalloc((size_t)size + 1);
	if (get(reader, bytes, size, err) < 0)
		return -1;
	bytes[size] = '\0';
	*ret = steal(bytes);
	*ret_size = size;
	return 0;
}

static int get_text(struct reader *reader, char **ret, struct error *err)
{
	void *bytes = NULL;
	size_t size = 0;

	if (get_bytes(reader, &bytes, &size, err) < 0)
		return -1;
	if (strlen(bytes) != size) {
		free(bytes);
		return malformed("a NUL in a string", err);
	}
	*ret = bytes;
	return 0;
}

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

static int get_path(struct reader *reader, char **ret, struct error *err)
{
	CLEANUP_FREE char *path = NULL;

	if (get_text(reader, &path, err) < 0)
		return -1;
	if (path[0] != '/' || !is_path(path))
		return malformed("not a path", err);
	*ret = steal(path);
	return 0;
}

static int get_origin(struct reader *reader, char **ret, struct error *err)
{
	CLEANUP_FREE char *path = NULL;

	if (get_text(reader, &path, err) < 0)
		return -1;
	if (path[0] && !is_path(path))
		return malformed("not a path", err);
	*ret = path[0] ? steal(path) : NULL;
	return 0;
}

static int get_time(struct reader *reader, struct fs_time *ret, struct error *err)
{
	uint64_t sec;

	if (get_number(reader, 8, &sec, err) < 0 || get_u32(reader, &ret->nsec, err) < 0)
		return -1;
	ret->sec = (int64_t)sec;
	return ret->nsec < 1000000000 ? 0 : malformed("a time", err);
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

static int get_stat(struct reader *reader, struct fs_stat *ret, struct error *err)
{
	uint32_t mode;

	if (get_u32(reader, &mode, err) < 0 || get_u32(reader, &ret->nlink, err) < 0 ||
	    get_u32(reader, &ret->uid, err) < 0 || get_u32(reader, &ret->gid, err) < 0 ||
	    get_number(reader, 8, &ret->size, err) < 0 ||
	    get_number(reader, 8, &ret->blocks, err) < 0 ||
	    get_u32(reader, &ret->rdev_major, err) < 0 ||
	    get_u32(reader, &ret->rdev_minor, err) < 0 || get_time(reader, &ret->mtime, err) < 0 ||
	    get_time(reader, &ret->ctime, err) < 0 || get_time(reader, &ret->btime, err) < 0)
		return -1;
	ret->mode = mode;
	if (!is_type(mode) || mode & ~(uint32_t)(S_IFMT | 07777) || ret->size > INT64_MAX ||
	    ret->nlink == 0)
		return malformed("impossible metadata", err);
	return 0;
}

static int by_xattr_name(const void *a, const void *b)
{
	const struct fs_xattr *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int get_xattrs(struct reader *reader, struct fs_xattrs *ret, struct error *err)
{
	uint32_t count;

	if (get_u32(reader, &count, err) < 0)
		return -1;
	if (count > CAPTURE_XATTR_LIMIT)
		return malformed("too many extended attributes", err);
	for (uint32_t i = 0; i < count; i++) {
		struct fs_xattr *xattr = ARRAY_ADD(ret->items, ret->n_items);

		if (get_text(reader, &xattr->name, err) < 0 ||
		    get_bytes(reader, &xattr->value, &xattr->size, err) < 0)
			return -1;
	}
	if (count)
		qsort(ret->items, ret->n_items, sizeof *ret->items, by_xattr_name);
	return 0;
}

static int write_spool(struct reader *reader, const void *data, size_t len, struct error *err)
{
	return file_write_all(reader->spool, data, len, err);
}

/* Moves `left` bytes of content to the spool; pipe to file without passing through us. */
static int spool_bytes(struct reader *reader, uint64_t left, struct error *err)
{
	size_t have = reader->len - reader->at;

	if (have > left)
		have = left;
	if (write_spool(reader, reader->buffer + reader->at, have, err) < 0)
		return -1;
	reader->at += have;
	left -= have;
	while (left > 0) {
		ssize_t n;

		if (wait_readable(reader, err) < 0)
			return -1;
		n = splice(reader->fd, NULL, reader->spool, NULL, left < 1 << 20 ? left : 1 << 20,
			   SPLICE_F_MOVE);
		if (n < 0 && errno == EINVAL) {
			n = read(reader->fd, reader->buffer,
				 left < BUFFER_SIZE ? left : BUFFER_SIZE);
			if (n > 0 && write_spool(reader, reader->buffer, (size_t)n, err) < 0)
				return -1;
		}
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return error_os(err, ERROR_IO, errno, "keep the captured content");
		if (n == 0)
			return malformed("it ends too early", err);
		left -= n > 0 ? (uint64_t)n : 0;
	}
	return 0;
}

static int get_extent(struct reader *reader, struct capture_entry *entry, uint64_t *end,
		      bool *ret_more, struct error *err)
{
	struct capture_extent extent = {.spool = reader->spooled};
	uint64_t after;

	if (get_number(reader, 8, &extent.offset, err) < 0 ||
	    get_number(reader, 8, &extent.length, err) < 0)
		return -1;
	*ret_more = extent.length > 0;
	if (!*ret_more)
		return 0;
	if (extent.offset < *end || __builtin_add_overflow(extent.offset, extent.length, &after) ||
	    after > entry->stat.size || entry->n_extents == EXTENTS_LIMIT)
		return malformed("an extent outside its file", err);
	if (extent.length > reader->limit - reader->spooled)
		return error_set(err, ERROR_SPACE, "the run changed more than %llu bytes of files",
				 (unsigned long long)reader->limit);
	if (spool_bytes(reader, extent.length, err) < 0)
		return -1;
	reader->spooled += extent.length;
	*end = after;
	*ARRAY_ADD(entry->extents, entry->n_extents) = extent;
	return 0;
}

static int get_extents(struct reader *reader, struct capture_entry *entry, struct error *err)
{
	uint64_t end = 0;
	bool more = true;

	while (more)
		if (get_extent(reader, entry, &end, &more, err) < 0)
			return -1;
	return 0;
}

static int get_touched(struct reader *reader, struct capture_entry *entry, struct error *err)
{
	if (get_origin(reader, &entry->origin_path, err) < 0 ||
	    get_stat(reader, &entry->stat, err) < 0 || get_xattrs(reader, &entry->xattrs, err) < 0)
		return -1;
	entry->stat.ino = entry->ino;
	if (S_ISLNK(entry->stat.mode))
		return get_text(reader, &entry->target, err);
	return S_ISREG(entry->stat.mode) ? get_extents(reader, entry, err) : 0;
}

static int get_entries(struct reader *reader, struct capture *capture, struct error *err)
{
	char tag;

	for (;;) {
		struct capture_entry *entry;

		if (get(reader, &tag, 1, err) < 0)
			return -1;
		if (tag == CAPTURE_END)
			return 0;
		if (tag != CAPTURE_UNTOUCHED && tag != CAPTURE_TOUCHED)
			return malformed("an unknown entry", err);
		if (capture->n_entries == CAPTURE_ENTRY_LIMIT)
			return malformed("too many entries", err);
		entry = ARRAY_ADD(capture->entries, capture->n_entries);
		entry->touched = tag == CAPTURE_TOUCHED;
		if (get_path(reader, &entry->path, err) < 0 ||
		    get_number(reader, 8, &entry->ino, err) < 0 ||
		    (entry->touched && get_touched(reader, entry, err) < 0))
			return -1;
	}
}

static int get_stream(struct reader *reader, struct capture *capture, struct error *err)
{
	char magic[CAPTURE_MAGIC_SIZE];
	uint64_t count;

	if (get(reader, magic, sizeof magic, err) < 0)
		return -1;
	if (memcmp(magic, CAPTURE_MAGIC, sizeof magic) != 0)
		return malformed("not a capture", err);
	if (get_entries(reader, capture, err) < 0 || get_number(reader, 8, &count, err) < 0)
		return -1;
	return count == capture->n_entries ? 0 : malformed("entries are missing", err);
}

static int by_path(const void *a, const void *b)
{
	const struct capture_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static const struct capture_entry *find(const struct capture *capture, char *path)
{
	const struct capture_entry key = {.path = path};

	return bsearch(&key, capture->entries, capture->n_entries, sizeof key, by_path);
}

static int check_parent(const struct capture *capture, const struct capture_entry *entry,
			struct error *err)
{
	size_t len = (size_t)(strrchr(entry->path, '/') - entry->path);
	CLEANUP_FREE char *path = len ? xstrndup(entry->path, len) : xstrdup("/");
	const struct capture_entry *parent = find(capture, path);

	if (!parent || (parent->touched && !S_ISDIR(parent->stat.mode)))
		return malformed("a path without its directory", err);
	return 0;
}

static int check_tree(const struct capture *capture, struct error *err)
{
	if (capture->n_entries == 0 || strcmp(capture->entries[0].path, "/") != 0)
		return malformed("it has no root", err);
	for (size_t i = 1; i < capture->n_entries; i++) {
		if (strcmp(capture->entries[i - 1].path, capture->entries[i].path) == 0)
			return malformed("a path twice", err);
		if (check_parent(capture, &capture->entries[i], err) < 0)
			return -1;
	}
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct capture_entry *const *x = a, *const *y = b;

	if ((*x)->ino != (*y)->ino)
		return (*x)->ino < (*y)->ino ? -1 : 1;
	return strcmp((*x)->path, (*y)->path);
}

/* One group of names of an inode, sorted by path: the content goes to the first. */
static int join_group(struct capture_entry **names, size_t n, struct error *err)
{
	for (size_t i = 1; i < n; i++) {
		if (names[i]->stat.mode != names[0]->stat.mode ||
		    names[i]->stat.size != names[0]->stat.size || S_ISDIR(names[0]->stat.mode))
			return malformed("names of one inode differ", err);
		if (!names[i]->n_extents)
			continue;
		if (names[0]->n_extents)
			return malformed("content twice", err);
		names[0]->extents = steal(names[i]->extents);
		names[0]->n_extents = names[i]->n_extents;
		names[i]->n_extents = 0;
	}
	return 0;
}

static int join_links(const struct capture *capture, struct error *err)
{
	CLEANUP_FREE struct capture_entry **touched =
		xcalloc(capture->n_entries + 1, sizeof *touched);
	size_t n = 0;

	for (size_t i = 0; i < capture->n_entries; i++)
		if (capture->entries[i].touched)
			touched[n++] = &capture->entries[i];
	qsort(touched, n, sizeof *touched, by_inode);
	for (size_t first = 0, end; first < n; first = end) {
		for (end = first + 1; end < n && touched[end]->ino == touched[first]->ino; end++)
			;
		if (join_group(touched + first, end - first, err) < 0)
			return -1;
	}
	return 0;
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
	CLEANUP_FREE unsigned char *buffer = xmalloc(BUFFER_SIZE);
	struct reader reader = {.fd = fd, .limit = limit, .monitor = monitor, .buffer = buffer};

	capture->spool = spool_open(spool_dir, err);
	if (capture->spool < 0)
		return NULL;
	reader.spool = capture->spool;
	if (get_stream(&reader, capture, err) < 0)
		return NULL;
	if (capture->n_entries)
		qsort(capture->entries, capture->n_entries, sizeof *capture->entries, by_path);
	if (check_tree(capture, err) < 0 || join_links(capture, err) < 0)
		return NULL;
	return steal(capture);
}

static void entry_clear(struct capture_entry *entry)
{
	free(entry->path);
	free(entry->origin_path);
	for (size_t i = 0; i < entry->xattrs.n_items; i++) {
		free(entry->xattrs.items[i].name);
		free(entry->xattrs.items[i].value);
	}
	free(entry->xattrs.items);
	free(entry->target);
	free(entry->extents);
}

void capture_free(struct capture *capture)
{
	if (!capture)
		return;
	for (size_t i = 0; i < capture->n_entries; i++)
		entry_clear(&capture->entries[i]);
	free(capture->entries);
	if (capture->spool >= 0)
		close(capture->spool);
	free(capture);
}
