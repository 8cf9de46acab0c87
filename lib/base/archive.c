/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>

#include "base/memory.h"

enum { CHUNK = 1 << 16 };

/* What all levels of one walk share. */
struct budget {
	const char *path;
	enum error_kind kind;
	uint64_t bytes, entries; /* what is left */
};

struct archive_stream {
	struct archive *archive;
	struct budget *budget;
	struct archive_stream *outer; /* NULL: a file */
	struct error *err;	      /* where the read callback of an inner level puts its error */
	bool failed;		      /* ... and that it did */
	char chunk[CHUNK];
};

static int damaged(struct archive_stream *stream, struct error *err)
{
	const char *why = archive_error_string(stream->archive);

	if (stream->failed)
		return -1;
	return error_set(err, stream->budget->kind, "%s: damaged archive: %s", stream->budget->path,
			 why ? why : "unknown reason");
}

static int support(struct archive *archive)
{
	if (archive_read_support_format_ar(archive) != ARCHIVE_OK ||
	    archive_read_support_format_tar(archive) != ARCHIVE_OK ||
	    archive_read_support_format_cpio(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_rpm(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_lzma(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(archive) != ARCHIVE_OK)
		return -1;
	return 0;
}

ssize_t archive_stream_read(struct archive_stream *content, void *buf, size_t len,
			    struct error *err)
{
	ssize_t n = archive_read_data(content->archive, buf, len);

	if (n < 0)
		return damaged(content, err);
	if ((uint64_t)n > content->budget->bytes)
		return error_set(err, content->budget->kind, "%s: unpacks to more than the limit",
				 content->budget->path);
	content->budget->bytes -= (uint64_t)n;
	return n;
}

static la_ssize_t read_outer(struct archive *archive, void *opaque, const void **ret)
{
	struct archive_stream *stream = opaque;
	ssize_t n = archive_stream_read(stream->outer, stream->chunk, CHUNK, stream->err);

	(void)archive;
	stream->failed = n < 0;
	*ret = stream->chunk;
	return n;
}

static int walk_entries(struct archive_stream *stream, archive_item_callback *each, void *opaque,
			struct error *err)
{
	struct archive_entry *entry;
	int status, result = 0;

	while (result == 0) {
		struct archive_item item = {0};

		status = archive_read_next_header(stream->archive, &entry);
		if (status == ARCHIVE_EOF)
			return 0;
		if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
			return damaged(stream, err);
		if (stream->budget->entries-- == 0)
			return error_set(err, stream->budget->kind, "%s: too many entries",
					 stream->budget->path);
		item.path = archive_entry_pathname(entry);
		item.hardlink = archive_entry_hardlink(entry);
		item.type = archive_entry_filetype(entry);
		item.size = (uint64_t)archive_entry_size(entry);
		if (!item.path)
			return damaged(stream, err);
		result = each(opaque, &item, stream, err);
	}
	return result < 0 ? -1 : 0;
}

static int walk(struct archive_stream *stream, archive_item_callback *each, void *opaque,
		struct error *err)
{
	int result;

	stream->archive = archive_read_new();
	stream->err = err;
	if (!stream->archive || support(stream->archive) < 0) {
		archive_read_free(stream->archive);
		return error_set(err, ERROR_HOST, "libarchive lacks a format that is needed");
	}
	if (stream->outer)
		result = archive_read_open(stream->archive, stream, NULL, read_outer, NULL);
	else
		result = archive_read_open_filename(stream->archive, stream->budget->path, CHUNK);
	result = result == ARCHIVE_OK ? walk_entries(stream, each, opaque, err)
				      : damaged(stream, err);
	archive_read_free(stream->archive);
	return result;
}

int archive_walk(const char *path, const struct archive_limits *limits, enum error_kind kind,
		 archive_item_callback *each, void *opaque, struct error *err)
{
	struct budget budget = {
		.path = path, .kind = kind, .bytes = limits->bytes, .entries = limits->entries};
	CLEANUP_FREE struct archive_stream *stream = xcalloc(1, sizeof *stream);

	if (access(path, F_OK) < 0)
		return error_os(err, ERROR_MISSING, errno, "%s", path);
	stream->budget = &budget;
	return walk(stream, each, opaque, err);
}

int archive_walk_nested(struct archive_stream *content, archive_item_callback *each, void *opaque,
			struct error *err)
{
	CLEANUP_FREE struct archive_stream *stream = xcalloc(1, sizeof *stream);

	stream->budget = content->budget;
	stream->outer = content;
	return walk(stream, each, opaque, err);
}
