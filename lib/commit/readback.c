/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commit/readback.h"

#include <string.h>

enum { CHUNK = 1 << 18 };

int commit_differs(struct error *err, const char *path, const char *what)
{
	return error_set(err, ERROR_BUG, "after the commit %s has another %s than it should", path,
			 what);
}

static int check_zeros(const struct readback *readback, uint64_t start, uint64_t end,
		       struct error *err)
{
	while (start < end) {
		size_t len = end - start < CHUNK ? end - start : CHUNK;
		ssize_t n = fs_read(readback->file->fs, readback->file->stat.ino, readback->chunk,
				    len, start, err);

		if (n < 0)
			return -1;
		if (n == 0)
			return commit_differs(err, readback->file->path, "size");
		for (ssize_t i = 0; i < n; i++)
			if (readback->chunk[i] != 0)
				return commit_differs(err, readback->file->path, "content");
		start += n;
	}
	return 0;
}

/* What the layer leaves out as a hole must read as zeros. */
static int check_hole(const struct readback *readback, uint64_t end, struct error *err)
{
	uint64_t start, data_end;

	for (uint64_t at = readback->at; at < end; at = data_end) {
		if (fs_next_data(readback->file->fs, readback->file->stat.ino, at, &start,
				 &data_end, err) < 0)
			return -1;
		if (start >= end)
			return 0;
		if (data_end > end)
			data_end = end;
		if (check_zeros(readback, start, data_end, err) < 0)
			return -1;
	}
	return 0;
}

static void keep_digest(struct readback *readback)
{
	struct commit_content *new;

	if (!readback->digest || readback->at != readback->file->stat.size)
		return;
	new = ARRAY_ADD(readback->contents, readback->n_contents);
	new->mount = readback->file->mount;
	new->ino = readback->file->stat.ino;
	digest_finish(steal(readback->digest), &new->digest);
}

int readback_finish(struct readback *readback, struct error *err)
{
	if (readback->file && check_hole(readback, readback->file->stat.size, err) < 0)
		return -1;
	if (readback->file)
		keep_digest(readback);
	digest_free(steal(readback->digest));
	readback->file = NULL;
	return 0;
}

void readback_begin(struct readback *readback, const struct listing_node *file)
{
	if (!readback->chunk)
		readback->chunk = xmalloc(CHUNK);
	readback->file = file;
	readback->at = 0;
	readback->digest = digest_new();
}

int readback_compare(struct readback *readback, const void *data, size_t len, uint64_t offset,
		     struct error *err)
{
	const struct listing_node *file = readback->file;
	const char *want = data;

	if (check_hole(readback, offset, err) < 0)
		return -1;
	if (offset != readback->at)
		digest_free(steal(readback->digest));
	readback->at = offset + len;
	while (len > 0) {
		size_t part = len < CHUNK ? len : CHUNK;
		ssize_t n = fs_read(file->fs, file->stat.ino, readback->chunk, part, offset, err);

		if (n < 0)
			return -1;
		if (n == 0 || memcmp(readback->chunk, want, n) != 0)
			return commit_differs(err, file->path, "content");
		if (readback->digest)
			digest_update(readback->digest, readback->chunk, n);
		want += n;
		offset += n;
		len -= n;
	}
	return 0;
}

void readback_free(struct readback *readback)
{
	digest_free(readback->digest);
	free(readback->contents);
	free(readback->chunk);
}
