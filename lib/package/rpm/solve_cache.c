/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cache is replaced as a whole, and ends with the digest that names it: processes that share the
 * directory see a whole one or none, and one that was cut off is not used.
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

/* At its start, or NULL where there is none. */
FILE *solve_cache_open(const char *work_dir, const struct digest *key, const char *suffix)
{
	CLEANUP_FREE char *path = cache_path(work_dir, key, suffix);
	CLEANUP_FCLOSE FILE *file = fopen(path, "re");
	struct digest end;

	if (!file || fseek(file, -(long)sizeof end, SEEK_END) < 0 ||
	    fread(&end, sizeof end, 1, file) != 1 || !digest_equal(&end, key))
		return NULL;
	rewind(file);
	return steal(file);
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
	failed = write(opaque, memory) != 0 || fwrite(key, sizeof *key, 1, memory) != 1;
	if (fclose(memory) != 0 || failed)
		return err->kind ? -1 : error_set(err, ERROR_BUG, "%s: cannot be made", path);
	return file_replace(path, data, len, 0644, err);
}
