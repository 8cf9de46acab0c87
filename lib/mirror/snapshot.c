/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A snapshot that is in the store: opened, verified, told. */
#include "mirror/mirror.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "mirror/manifest.h"
#include "mirror/store.h"

void mirror_snapshot_free(struct mirror_snapshot *snapshot)
{
	if (!snapshot)
		return;
	for (size_t i = 0; i < snapshot->n_sources; i++)
		mirror_source_free(&snapshot->sources[i]);
	free(snapshot->sources);
	free(snapshot->packages);
	free(snapshot->directory);
	free(snapshot->package_root);
	free(snapshot);
}

static int check_file(const struct mirror_source *source, const struct mirror_file *file,
		      struct error *err)
{
	CLEANUP_FREE char *path = path_join(source->directory, file->path);
	struct digest got;

	if (digest_of_file(path, &got, err) < 0)
		return -1;
	if (!digest_equal(&got, &file->sha256))
		return error_set(err, ERROR_TRUST,
				 "%s: has changed in the mirror snapshot; remove the snapshot and "
				 "make it again",
				 path);
	return 0;
}

static int check_files(const struct mirror_snapshot *snapshot, struct error *err)
{
	for (size_t i = 0; i < snapshot->n_sources; i++)
		for (size_t j = 0; j < snapshot->sources[i].n_files; j++)
			if (check_file(&snapshot->sources[i], &snapshot->sources[i].files[j], err) <
			    0)
				return -1;
	return 0;
}

struct mirror_snapshot *mirror_snapshot_open(const char *store, const char *name, struct error *err)
{
	CLEANUP_FREE char *real = realpath(store, NULL);
	CLEANUP_FREE char *packages = NULL, *directory = NULL;
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = NULL;

	if (!real)
		return error_os(err, ERROR_MISSING, errno, "store %s", store), NULL;
	packages = path_join(real, STORE_PACKAGES);
	directory = store_find(real, name, err);
	if (!directory)
		return NULL;
	snapshot = manifest_read(directory, packages, err);
	if (!snapshot || check_files(snapshot, err) < 0)
		return NULL;
	return steal(snapshot);
}

int mirror_snapshot_verify(const struct mirror_snapshot *snapshot, const struct monitor *monitor,
			   struct error *err)
{
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *again =
		manifest_read(snapshot->directory, snapshot->package_root, err);

	if (!again || check_files(again, err) < 0)
		return -1;
	for (size_t i = 0; i < again->n_packages; i++) {
		int fd;

		monitor_progress(monitor, "verify", NULL, i, again->n_packages);
		if (monitor_check(monitor, err) < 0)
			return -1;
		fd = mirror_package_open(again, &again->packages[i], err);
		if (fd < 0)
			return -1;
		close(fd);
	}
	return 0;
}

int mirror_snapshot_list(const char *store, char ***ret_names, size_t *ret_n, struct error *err)
{
	return store_list(store, ret_names, ret_n, err);
}

json_t *mirror_snapshot_to_json(const struct mirror_snapshot *snapshot)
{
	json_t *json = manifest_to_json(snapshot);

	json_put_digest(json, "digest", &snapshot->digest);
	json_put_string(json, "path", snapshot->directory);
	json_put_u64(json, "made", (uint64_t)snapshot->made);
	return json;
}

static int by_digest(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SIZE);
}

bool mirror_snapshot_has_package(const struct mirror_snapshot *snapshot,
				 const struct digest *sha256)
{
	return snapshot->n_packages && bsearch(sha256, snapshot->packages, snapshot->n_packages,
					       sizeof *snapshot->packages, by_digest);
}

char *mirror_source_index(const struct mirror_source *source)
{
	return strcmp(source->path, ".") == 0 ? xstrdup(source->index_path)
					      : path_join(source->path, source->index_path);
}

static int by_checksum(const void *key, const void *alias)
{
	return strcmp(key, ((const struct mirror_alias *)alias)->checksum);
}

bool mirror_source_find(const struct mirror_source *source, const char *type, const char *hex,
			struct digest *ret)
{
	CLEANUP_FREE char *checksum = NULL;
	const struct mirror_alias *alias;

	if (strcmp(type, "sha256") == 0)
		return digest_from_hex(hex, ret);
	checksum = xasprintf("%s:%s", type, hex);
	alias = source->n_aliases ? bsearch(checksum, source->aliases, source->n_aliases,
					    sizeof *source->aliases, by_checksum)
				  : NULL;
	if (alias)
		*ret = alias->sha256;
	return alias;
}

int mirror_package_open(const struct mirror_snapshot *snapshot, const struct digest *sha256,
			struct error *err)
{
	return store_package_open(snapshot->package_root, sha256, err);
}
