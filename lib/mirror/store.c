/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/directory.h"
#include "base/file.h"
#include "mirror/manifest.h"

enum { MIN_PREFIX = 8 };

char *store_package_name(const struct digest *sha256)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(sha256, hex);
	return xasprintf(STORE_PACKAGES "/%.2s/%s", hex, hex);
}

static int open_error(const char *hex, struct error *err)
{
	if (errno == ENOENT || errno == ENOTDIR)
		return error_set(err, ERROR_MIRROR,
				 "package file %s is not in the store; make the mirror snapshot "
				 "again",
				 hex);
	if (errno == ELOOP)
		return error_set(err, ERROR_TRUST, "package file %s is a symbolic link", hex);
	return error_os(err, ERROR_IO, errno, "package file %s", hex);
}

int store_package_open(const char *package_root, const struct digest *sha256, struct error *err)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int fd = -1;
	char hex[DIGEST_HEX_SIZE];
	struct digest got;

	digest_to_hex(sha256, hex);
	path = xasprintf("%s/%.2s/%s", package_root, hex, hex);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return open_error(hex, err);
	if (digest_of_fd(fd, &got, err) < 0)
		return error_prefix(err, "%s", path);
	if (!digest_equal(&got, sha256))
		return error_set(err, ERROR_TRUST,
				 "package file %s has changed in the store; remove it and make "
				 "the mirror snapshot again",
				 path);
	return steal_fd(&fd);
}

struct found {
	char *name;
	int64_t made;
};

static int newest_first(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->made != y->made)
		return x->made < y->made ? 1 : -1;
	return strcmp(x->name, y->name);
}

static int scan(const char *directory, struct found **ret, size_t *ret_n, struct error *err)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	struct digest digest;
	int result = 0;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return error_os(err, ERROR_IO, errno, "%s", directory);
	while ((entry = directory_next(dir, directory, &result, err))) {
		CLEANUP_FREE char *path = path_join(directory, entry->d_name);

		if (digest_from_hex(entry->d_name, &digest))
			*ARRAY_ADD(*ret, *ret_n) =
				(struct found){xstrdup(entry->d_name), manifest_made(path)};
	}
	closedir(dir);
	for (size_t i = 0; result < 0 && i < *ret_n; i++)
		free((*ret)[i].name);
	if (result == 0 && *ret_n)
		qsort(*ret, *ret_n, sizeof **ret, newest_first);
	return result;
}

int store_list(const char *store, char ***ret_names, size_t *ret_n, struct error *err)
{
	CLEANUP_FREE char *directory = path_join(store, STORE_SNAPSHOTS);
	CLEANUP_FREE struct found *found = NULL;
	size_t n = 0;
	char **names;

	if (scan(directory, &found, &n, err) < 0)
		return -1;
	names = xcalloc(n, sizeof *names);
	for (size_t i = 0; i < n; i++)
		names[i] = found[i].name;
	*ret_names = names;
	*ret_n = n;
	return 0;
}

static int pick(char *const *names, size_t n, const char *prefix, struct error *err)
{
	int match = -1;

	for (size_t i = 0; i < n; i++) {
		if (strncmp(names[i], prefix, strlen(prefix)) != 0)
			continue;
		if (match >= 0)
			return error_set(err, ERROR_USAGE,
					 "mirror snapshot %s: more than one begins so; give more "
					 "digits",
					 prefix);
		match = (int)i;
	}
	if (match < 0)
		return error_set(err, ERROR_MISSING, "mirror snapshot %s: there is none", prefix);
	return match;
}

char *store_find(const char *store, const char *name, struct error *err)
{
	size_t len = strlen(name), n = 0;
	char **names = NULL, *path = NULL;
	int match;

	if (len < MIN_PREFIX || strspn(name, "0123456789abcdef") != len)
		return error_set(err, ERROR_USAGE,
				 "mirror snapshot %s: not a digest, or the first %d or more digits "
				 "of one",
				 name, MIN_PREFIX),
		       NULL;
	if (store_list(store, &names, &n, err) < 0)
		return NULL;
	match = pick(names, n, name, err);
	if (match >= 0)
		path = xasprintf("%s/" STORE_SNAPSHOTS "/%s", store, names[match]);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return path;
}
