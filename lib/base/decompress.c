/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "base/memory.h"

static void archive_close(struct archive *archive)
{
	archive_read_free(archive);
}
DEFINE_CLEANUP(struct archive, archive_close)

static int enable_filter(struct archive *archive, enum compression compression)
{
	switch (compression) {
	case COMPRESSION_GZIP:
		return archive_read_support_filter_gzip(archive);
	case COMPRESSION_XZ:
		return archive_read_support_filter_xz(archive);
	case COMPRESSION_ZSTD:
		return archive_read_support_filter_zstd(archive);
	case COMPRESSION_BZIP2:
		return archive_read_support_filter_bzip2(archive);
	case COMPRESSION_NONE:
		break;
	}
	return ARCHIVE_OK;
}

static int fail(struct archive *archive, enum error_kind kind, struct error *err)
{
	const char *why = archive_error_string(archive);

	return error_set(err, kind, "cannot be decompressed: %s", why ? why : "damaged");
}

/* Where the pieces go. */
struct sink {
	int (*each)(void *opaque, const char *piece, size_t len, struct error *err);
	void *opaque;
	size_t limit;
	enum error_kind kind;
};

static int pass_all(struct archive *archive, const struct sink *sink, struct error *err)
{
	enum { CHUNK = 1 << 17 };
	CLEANUP_FREE char *piece = xmalloc(CHUNK);
	size_t total = 0;
	la_ssize_t n;

	while ((n = archive_read_data(archive, piece, CHUNK)) > 0) {
		if ((size_t)n > sink->limit - total)
			return error_set(err, sink->kind, "decompresses to more than %zu bytes",
					 sink->limit);
		total += n;
		if (sink->each(sink->opaque, piece, n, err) < 0)
			return -1;
	}
	return n < 0 ? fail(archive, sink->kind, err) : 0;
}

/* Without this, bytes that no filter claims would pass through as they are. */
static int check_filter(struct archive *archive, enum compression compression, enum error_kind kind,
			struct error *err)
{
	int wanted = compression == COMPRESSION_NONE ? 1 : 2;

	if (archive_filter_count(archive) == wanted)
		return 0;
	return error_set(err, kind, "cannot be decompressed: not in the format its name says");
}

static struct archive *new_reader(enum compression compression, struct error *err)
{
	CLEANUP(archive_close)
	struct archive *archive = archive_read_new();

	if (archive && enable_filter(archive, compression) >= ARCHIVE_WARN &&
	    archive_read_support_format_raw(archive) == ARCHIVE_OK &&
	    archive_read_support_format_empty(archive) == ARCHIVE_OK)
		return steal(archive);
	error_set(err, ERROR_HOST, "this libarchive cannot decompress");
	return NULL;
}

/* 1: it may be read; 0: nothing is in it; -1. */
static int begin(struct archive *archive, enum compression compression, enum error_kind kind,
		 struct error *err)
{
	struct archive_entry *entry;
	int status = archive_read_next_header(archive, &entry);

	if (check_filter(archive, compression, kind, err) < 0)
		return -1;
	if (status == ARCHIVE_EOF)
		return 0;
	return status == ARCHIVE_OK ? 1 : fail(archive, kind, err);
}

int decompress_each(const void *data, size_t len, enum compression compression, size_t limit,
		    enum error_kind kind,
		    int (*each)(void *opaque, const char *piece, size_t len, struct error *err),
		    void *opaque, struct error *err)
{
	const struct sink sink = {each, opaque, limit, kind};
	CLEANUP(archive_close)
	struct archive *archive = new_reader(compression, err);
	int begun;

	if (!archive)
		return -1;
	if (archive_read_open_memory(archive, data, len) != ARCHIVE_OK)
		return fail(archive, kind, err);
	begun = begin(archive, compression, kind, err);
	return begun > 0 ? pass_all(archive, &sink, err) : begun;
}

static int append(void *opaque, const char *piece, size_t len, struct error *err)
{
	(void)err;
	buffer_append(opaque, piece, len);
	return 0;
}

int decompress(const void *data, size_t len, enum compression compression, size_t limit,
	       enum error_kind kind, struct buffer *ret, struct error *err)
{
	size_t start = ret->len;

	buffer_puts(ret, "");
	if (decompress_each(data, len, compression, limit, kind, append, ret, err) == 0)
		return 0;
	ret->len = start;
	ret->data[start] = '\0';
	return -1;
}

/* ---- as a stream ---- */

static ssize_t stream_read(void *opaque, char *buf, size_t len)
{
	la_ssize_t n = archive_read_data(opaque, buf, len);

	if (n >= 0)
		return n;
	errno = EIO;
	return -1;
}

static int stream_close(void *opaque)
{
	archive_close(opaque);
	return 0;
}

FILE *decompress_open(const char *path, enum compression compression, enum error_kind kind,
		      struct error *err)
{
	enum { CHUNK = 1 << 17 };
	const cookie_io_functions_t calls = {.read = stream_read, .close = stream_close};
	CLEANUP(archive_close)
	struct archive *archive = new_reader(compression, err);
	FILE *file;
	int begun;

	if (!archive)
		return NULL;
	if (archive_read_open_filename(archive, path, CHUNK) != ARCHIVE_OK) {
		fail(archive, kind, err);
		return NULL;
	}
	begun = begin(archive, compression, kind, err);
	if (begun < 0)
		return NULL;
	file = begun ? fopencookie(archive, "r", calls) : fopen("/dev/null", "re");
	if (!file)
		error_os(err, ERROR_BUSY, errno, "opening a stream");
	else if (begun)
		(void)steal(archive);
	return file;
}
