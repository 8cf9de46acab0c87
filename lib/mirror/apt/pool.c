/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/apt/pool.h"

#include <string.h>

enum { MAX_DEPTH = 16 };

void pool_forget(struct pool *pool)
{
	for (size_t i = 0; i < pool->n_walked; i++)
		free(pool->walked[i]);
	free(pool->walked);
	beneath_list_free(&pool->files);
	*pool = (struct pool){0};
}

static bool is_walked(const struct pool *pool, const char *part, size_t len)
{
	for (size_t i = 0; i < pool->n_walked; i++)
		if (strncmp(pool->walked[i], part, len) == 0 && !pool->walked[i][len])
			return true;
	return false;
}

static int walk(struct pool *pool, const char *path, size_t len, struct error *err)
{
	const char *slash = memchr(path, '/', len);
	size_t first = slash ? (size_t)(slash - path) : len;
	char *part;

	if (is_walked(pool, path, first))
		return 0;
	part = *ARRAY_ADD(pool->walked, pool->n_walked) = xstrndup(path, first);
	if (beneath_walk(pool->root, part, MAX_DEPTH, &pool->files, err) < 0)
		return -1;
	beneath_list_sort(&pool->files);
	return 0;
}

int pool_find(struct pool *pool, const char *path, size_t len, const char **ret, struct error *err)
{
	size_t low = 0, high;

	if (walk(pool, path, len, err) < 0)
		return -1;
	*ret = NULL;
	for (high = pool->files.n_paths; low < high;) {
		size_t middle = low + (high - low) / 2;
		const char *at = pool->files.paths[middle];
		int order = strncmp(at, path, len);

		if (order == 0 && !at[len]) {
			*ret = at;
			return 0;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}
