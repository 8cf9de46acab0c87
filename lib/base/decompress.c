/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/decompress.h"

#include <archive.h>
#include <archive_entry.h>

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

static int append_all(struct archive *archive, size_t limit, enum error_kind kind,
		      struct buffer *ret, struct error *err)
{
	enum { CHUNK = 1 << 17 };
	size_t start = ret->len;
	la_ssize_t n;

	for (;;) {
		n = archive_read_data(archive, buffer_reserve(ret, CHUNK), CHUNK);
		if (n < 0)
			return fail(archive, kind, err);
		if (n == 0)
			return 0;
		if ((size_t)n > limit - (ret->len - start))
			return error_set(err, kind, "decompresses to more than %zu bytes", limit);
		ret->len += n;
		ret->data[ret->len] = '\0';
	}
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

int decompress(const void *data, size_t len, enum compression compression, size_t limit,
	       enum error_kind kind, struct buffer *ret, struct error *err)
{
	CLEANUP(archive_close)
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	size_t start = ret->len;
	int status;

	buffer_puts(ret, "");
	if (!archive || enable_filter(archive, compression) < ARCHIVE_WARN ||
	    archive_read_support_format_raw(archive) != ARCHIVE_OK ||
	    archive_read_support_format_empty(archive) != ARCHIVE_OK)
		return error_set(err, ERROR_HOST, "this libarchive cannot decompress");
	if (archive_read_open_memory(archive, data, len) != ARCHIVE_OK)
		return fail(archive, kind, err);
	status = archive_read_next_header(archive, &entry);
	if (check_filter(archive, compression, kind, err) < 0)
		return -1;
	if (status == ARCHIVE_EOF)
		return 0;
	if (status != ARCHIVE_OK)
		return fail(archive, kind, err);
	if (append_all(archive, limit, kind, ret, err) == 0)
		return 0;
	ret->len = start;
	ret->data[start] = '\0';
	return -1;
}
