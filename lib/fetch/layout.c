/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/layout.h"

#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "mirror/repomd/href.h"

/* ---- apt: an archive holds many suites, and the directory has its layout ---- */

static char *apt_path(const char *suite, const char *path)
{
	return xasprintf("dists/%s/%s", suite, path);
}

static char *apt_package_place(const char *suite, const char *path)
{
	(void)suite;
	return xstrdup(path);
}

static char *apt_package_remote(const char *source, const char *path)
{
	(void)source;
	return xstrdup(path);
}

static char *apt_by_hash(const char *path, const struct checksum *checksum)
{
	const char *slash = strrchr(path, '/');

	return xasprintf("%.*sby-hash/SHA256/%s", slash ? (int)(slash + 1 - path) : 0, path,
			 checksum->hex);
}

/* ---- repomd: a source is one repository, and the directory holds one for each ---- */

static char *repomd_remote(const char *suite, const char *path)
{
	(void)suite;
	return xstrdup(path);
}

/* A directory is a copy of the repository alone. */
static char *repomd_package_remote(const char *source, const char *path)
{
	return *source == '/' ? href_place(path) : xstrdup(path);
}

static char *repomd_package_place(const char *suite, const char *path)
{
	CLEANUP_FREE char *place = href_place(path);

	return path_join(suite, place);
}

/* Most are called by their checksums as they are. */
static char *repomd_by_hash(const char *path, const struct checksum *checksum)
{
	const char *slash = strrchr(path, '/');
	size_t directory = slash ? (size_t)(slash + 1 - path) : 0;

	if (strstr(path, checksum->hex))
		return xstrdup(path);
	return xasprintf("%.*s%.32s-%s", (int)directory, path, checksum->hex, path + directory);
}

static const struct fetch_layout layouts[] = {
	{
		.name = FETCH_APT,
		.index = "InRelease",
		.remote = apt_path,
		.place = apt_path,
		.package_remote = apt_package_remote,
		.package_place = apt_package_place,
		.path_by_hash = apt_by_hash,
	},
	{
		.name = FETCH_REPOMD,
		.index = "repodata/repomd.xml",
		.signature = "repodata/repomd.xml.asc",
		.remote = repomd_remote,
		.place = path_join,
		.package_remote = repomd_package_remote,
		.package_place = repomd_package_place,
		.path_by_hash = repomd_by_hash,
	},
};

const struct fetch_layout *fetch_layout_find(const char *name)
{
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
		if (strcmp(layouts[i].name, name) == 0)
			return &layouts[i];
	return NULL;
}

/* Behind "http://USER:PASSWORD@", which says how to get in, and not where it is. */
static const char *after_user(const char *source)
{
	const char *scheme = strstr(source, "://"), *host = scheme ? scheme + 3 : source, *at;

	at = scheme ? memchr(host, '@', strcspn(host, "/?#")) : NULL;
	return at ? at + 1 : host;
}

char *fetch_repository_name(const char *source)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";
	struct buffer name = {0};

	for (const char *c = after_user(source); *c; c++)
		if (strchr(plain, *c))
			buffer_putc(&name, *c);
		else if (name.len && name.data[name.len - 1] != '-')
			buffer_putc(&name, '-');
	while (name.len && name.data[name.len - 1] == '-')
		name.data[--name.len] = '\0';
	if (!name.len || name.data[0] == '.') {
		buffer_free(&name);
		return xstrdup("repository");
	}
	return buffer_steal(&name);
}
