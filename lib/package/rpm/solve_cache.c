/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cache is replaced as a whole, and ends with the digest of what names it and what it holds:
 * processes that share the directory see a whole one or none, and one that was cut off or damaged
 * is made again.
 */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "package/rpm/solve.h"

static char *cache_path(const char *work_dir, const struct digest *key, const char *suffix)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(key, hex);
	return xasprintf("%s/%s.%s", work_dir, hex, suffix);
}

static bool is_sealed(FILE *file, const struct digest *key)
{
	CLEANUP(digest_free)
	struct digest_context *context = digest_new();
	struct digest end, seal;
	char chunk[1 << 16];
	long left;

	if (fseek(file, -(long)sizeof end, SEEK_END) < 0 || (left = ftell(file)) < 0 ||
	    fread(&end, sizeof end, 1, file) != 1)
		return false;
	rewind(file);
	digest_update(context, key, sizeof *key);
	while (left > 0) {
		size_t n = left < (long)sizeof chunk ? (size_t)left : sizeof chunk;

		if (fread(chunk, 1, n, file) != n)
			return false;
		digest_update(context, chunk, n);
		left -= (long)n;
	}
	digest_finish(steal(context), &seal);
	rewind(file);
	return digest_equal(&end, &seal);
}

/* At its start, or NULL where there is none. */
FILE *solve_cache_open(const char *work_dir, const struct digest *key, const char *suffix)
{
	CLEANUP_FREE char *path = cache_path(work_dir, key, suffix);
	CLEANUP_FCLOSE FILE *file = fopen(path, "re");

	return file && is_sealed(file, key) ? steal(file) : NULL;
}

static int replace(const char *path, const struct digest *key, const char *data, size_t len,
		   struct error *err)
{
	CLEANUP(digest_free)
	struct digest_context *context = digest_new();
	CLEANUP_BUFFER struct buffer sealed = {0};
	struct digest seal;

	digest_update(context, key, sizeof *key);
	digest_update(context, data, len);
	digest_finish(steal(context), &seal);
	buffer_append(&sealed, data, len);
	buffer_append(&sealed, &seal, sizeof seal);
	return file_replace(path, sealed.data, sealed.len, 0644, err);
}

int solve_cache_write(const char *work_dir, const struct digest *key, const char *suffix,
		      solve_cache_writer *write, void *opaque, struct error *err)
{
	CLEANUP_FREE char *path = cache_path(work_dir, key, suffix);
	CLEANUP_FREE char *data = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&data, &len);
	int failed;

	if (!memory)
		return error_os(err, ERROR_BUSY, errno, "%s", path);
	failed = write(opaque, memory) != 0;
	if (fclose(memory) != 0 || failed)
		return err->kind ? -1 : error_set(err, ERROR_BUG, "%s: cannot be made", path);
	return replace(path, key, data, len, err);
}
