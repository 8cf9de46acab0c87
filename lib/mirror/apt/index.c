/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Packages files of a suite, in whichever form the mirror has them.  They are kept
 * uncompressed: every reader of a snapshot then reads the same bytes, and none of them
 * decompresses. */
#include <string.h>

#include "base/decompress.h"
#include "base/file.h"
#include "mirror/apt/apt.h"
#include "mirror/apt/packages.h"
#include "mirror/beneath.h"

enum { MAX_INDEX = 1 << 30 }; /* bytes of a Packages file, in any form */

static const struct form {
	const char *suffix;
	enum compression compression;
} forms[] = {
	{"", COMPRESSION_NONE},
	{".zst", COMPRESSION_ZSTD},
	{".xz", COMPRESSION_XZ},
	{".gz", COMPRESSION_GZIP},
};
enum { N_FORMS = sizeof forms / sizeof *forms };

static int check_bytes(const struct apt_suite *suite, const char *path,
		       const struct release_file *file, const struct buffer *bytes,
		       struct error *err)
{
	struct digest got;

	if (bytes->len != file->size)
		return error_set(err, ERROR_TRUST,
				 "%s: has %zu bytes, but %s says %llu: truncated, tampered with, "
				 "or caught in the middle of an update",
				 path, bytes->len, suite->index_path,
				 (unsigned long long)file->size);
	digest_of(bytes->len ? bytes->data : "", bytes->len, &got);
	if (!digest_equal(&got, &file->sha256))
		return error_set(err, ERROR_TRUST,
				 "%s: its SHA-256 is not what %s says: tampered with, or caught in "
				 "the middle of an update",
				 path, suite->index_path);
	return 0;
}

static char *by_hash_path(const struct apt_suite *suite, const struct release_file *file)
{
	const char *slash = strrchr(file->path, '/');
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&file->sha256, hex);
	return xasprintf("%s/%.*sby-hash/SHA256/%s", suite->path,
			 slash ? (int)(slash + 1 - file->path) : 0, file->path, hex);
}

/* Reads an index file, by its digest's name first: that one stays right while a mirror is updated.
 * 1, 0 when it is under neither name, -1. */
static int read_listed(const struct apt *apt, const struct apt_suite *suite,
		       const struct release_file *file, struct buffer *ret, struct error *err)
{
	CLEANUP_FREE char *by_hash = by_hash_path(suite, file);
	CLEANUP_FREE char *plain = path_join(suite->path, file->path);
	const char *const paths[] = {by_hash, plain};

	if (file->size > MAX_INDEX)
		return error_set(err, ERROR_TRUST, "%s: longer than %d bytes", plain, MAX_INDEX);
	for (size_t i = 0; i < 2; i++) {
		if (beneath_read(apt->root, paths[i], MAX_INDEX, ret, err) == 0)
			return check_bytes(suite, paths[i], file, ret, err) < 0 ? -1 : 1;
		if (err->kind != ERROR_MISSING)
			return -1;
	}
	return 0;
}

static int expand(const struct apt_suite *suite, const char *stem, const struct form *form,
		  const struct buffer *packed, struct buffer *ret, struct error *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", suite->path, stem);
	const struct release_file *plain = release_find(&suite->release, stem);
	size_t limit = plain && plain->size < MAX_INDEX ? plain->size : MAX_INDEX;

	if (decompress(packed->data, packed->len, form->compression, limit, ERROR_TRUST, ret, err) <
	    0)
		return error_prefix(err, "%s%s", path, form->suffix);
	return plain ? check_bytes(suite, path, plain, ret, err) : 0;
}

/* The first form that is there, uncompressed.  1, 0 when none is there, -1. */
static int read_packages(const struct apt *apt, const struct apt_suite *suite, const char *stem,
			 struct buffer *ret, struct error *err)
{
	for (size_t i = 0; i < N_FORMS; i++) {
		CLEANUP_FREE char *path = xasprintf("%s%s", stem, forms[i].suffix);
		const struct release_file *file = release_find(&suite->release, path);
		CLEANUP_BUFFER struct buffer bytes = {0};
		int found = file ? read_listed(apt, suite, file, &bytes, err) : 0;

		if (found < 0)
			return -1;
		if (found)
			return expand(suite, stem, &forms[i], &bytes, ret, err) < 0 ? -1 : 1;
	}
	return 0;
}

static int want_package(void *opaque, const struct packages_entry *entry, struct error *err)
{
	struct apt *apt = opaque;
	struct mirror_build *build = apt->build;
	const char *path;

	if (pool_find(&apt->pool, entry->path, entry->path_len, &path, err) < 0)
		return -1;
	if (path)
		*ARRAY_ADD(build->wanted, build->n_wanted) = (struct mirror_wanted){
			.mirror = apt->options->path,
			.root = apt->root,
			.path = xstrdup(path),
			.sha256 = entry->sha256,
			.size = entry->size,
		};
	return 0;
}

/* 1, 0 when it is not there, -1. */
static int take_packages(struct apt *apt, struct apt_suite *suite, const char *stem,
			 struct error *err)
{
	CLEANUP_FREE char *path = path_join(suite->path, stem);
	CLEANUP_BUFFER struct buffer text = {0};
	int found;

	if (monitor_check(apt->build->monitor, err) < 0)
		return -1;
	monitor_progress(apt->build->monitor, "mirror", path, 0, 0);
	found = read_packages(apt, suite, stem, &text, err);
	if (found <= 0)
		return found;
	if (mirror_build_file(apt->build, suite->source, path, &text, err) < 0)
		return -1;
	if (packages_parse(text.data ? text.data : "", text.len, want_package, apt, err) < 0)
		return error_prefix(err, "%s", path);
	return 1;
}

static bool is_form(const char *suffix)
{
	for (size_t i = 0; i < N_FORMS; i++)
		if (strcmp(suffix, forms[i].suffix) == 0)
			return true;
	return false;
}

/* "main/binary-amd64/Packages" of "main/binary-amd64/Packages.xz" when that is an index of packages
 * of a component; NULL otherwise.  Components of old security suites are called "updates/main" and
 * their paths "main/...". */
static char *packages_stem(const struct release *release, const char *path)
{
	const char *binary = strstr(path, "/binary-");
	const char *base = binary ? strchr(binary + 1, '/') : NULL;
	size_t component = binary ? (size_t)(binary - path) : 0;

	if (!base || strncmp(base, "/Packages", 9) != 0 || !is_form(base + 9))
		return NULL;
	for (size_t i = 0; i < release->n_components; i++) {
		const char *name = release->components[i];
		size_t len = strlen(name);

		if (len >= component && memcmp(name + len - component, path, component) == 0 &&
		    (len == component || name[len - component - 1] == '/'))
			return xstrndup(path, base + 9 - path);
	}
	return NULL;
}

static void list_stems(const struct release *release, struct beneath_list *ret)
{
	for (size_t i = 0; i < release->n_files; i++) {
		CLEANUP_FREE char *stem = packages_stem(release, release->files[i].path);

		if (stem && (!ret->n_paths || strcmp(ret->paths[ret->n_paths - 1], stem) != 0))
			*ARRAY_ADD(ret->paths, ret->n_paths) = steal(stem);
	}
}

static int incomplete(const struct apt_suite *suite, const struct beneath_list *stems,
		      struct error *err)
{
	const char *stem;

	if (!stems->n_paths)
		return error_set(err, ERROR_MIRROR, "%s: lists no index of packages",
				 suite->index_path);
	stem = stems->paths[0];
	for (size_t i = stems->n_paths; i-- > 0;)
		if (strstr(stems->paths[i], "/binary-amd64/"))
			stem = stems->paths[i];
	return error_set(
		err, ERROR_MIRROR,
		"the mirror is incomplete: %s/%s.xz is missing, and so is every other index "
		"of packages that %s lists",
		suite->path, stem, suite->index_path);
}

int apt_index_read(struct apt *apt, struct apt_suite *suite, struct error *err)
{
	CLEANUP_BENEATH_LIST struct beneath_list stems = {0};
	size_t n_found = 0;

	list_stems(&suite->release, &stems);
	for (size_t i = 0; i < stems.n_paths; i++) {
		int found = take_packages(apt, suite, stems.paths[i], err);

		if (found < 0)
			return -1;
		n_found += (size_t)found;
	}
	return n_found ? 0 : incomplete(suite, &stems, err);
}
