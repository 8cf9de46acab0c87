/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/manifest.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "mirror/beneath.h"

enum { VERSION = 2, MAX_MANIFEST = 256 << 20 };

void mirror_source_free(struct mirror_source *source)
{
	for (size_t i = 0; i < source->n_files; i++)
		free(source->files[i].path);
	free(source->files);
	strings_free(source->components, source->n_components);
	strings_free(source->architectures, source->n_architectures);
	for (size_t i = 0; i < source->n_aliases; i++)
		free(source->aliases[i].checksum);
	free(source->aliases);
	free(source->layout);
	free(source->path);
	free(source->directory);
	free(source->origin);
	free(source->label);
	free(source->suite);
	free(source->codename);
	free(source->version);
	free(source->index_path);
	free(source->signer);
	free(source->os_id);
	free(source->os_version);
	strings_free(source->excludes, source->n_excludes);
	*source = (struct mirror_source){0};
}

static json_t *files_to_json(const struct mirror_source *source)
{
	json_t *array = json_array();

	for (size_t i = 0; i < source->n_files; i++) {
		json_t *file = json_object();

		json_put_bytes(file, "path", source->files[i].path);
		json_put_u64(file, "size", source->files[i].size);
		json_put_digest(file, "sha256", &source->files[i].sha256);
		json_array_append_new(array, file);
	}
	return array;
}

static json_t *aliases_to_json(const struct mirror_source *source)
{
	json_t *array = json_array();

	for (size_t i = 0; i < source->n_aliases; i++) {
		json_t *alias = json_object();

		json_put_string(alias, "checksum", source->aliases[i].checksum);
		json_put_digest(alias, "sha256", &source->aliases[i].sha256);
		json_array_append_new(array, alias);
	}
	return array;
}

static void put_text(json_t *object, const char *name, const char *text)
{
	json_put(object, name, text ? json_bytes(text) : json_null());
}

static json_t *source_to_json(const struct mirror_source *source, size_t number)
{
	CLEANUP_FREE char *directory = xasprintf("sources/%zu", number);
	json_t *object = json_object();

	json_put_string(object, "layout", source->layout);
	json_put_bytes(object, "path", source->path);
	json_put_string(object, "directory", directory);
	put_text(object, "origin", source->origin);
	put_text(object, "label", source->label);
	put_text(object, "suite", source->suite);
	put_text(object, "codename", source->codename);
	put_text(object, "version", source->version);
	json_put(object, "components", json_strings(source->components, source->n_components));
	json_put(object, "architectures",
		 json_strings(source->architectures, source->n_architectures));
	json_put_digest(object, "index", &source->index);
	json_put_bytes(object, "index_path", source->index_path);
	put_text(object, "signer", source->signer);
	json_put_u64(object, "date", (uint64_t)source->date);
	json_put_u64(object, "valid_until", (uint64_t)source->valid_until);
	json_put_bool(object, "security", source->security);
	put_text(object, "os_id", source->os_id);
	put_text(object, "os_version", source->os_version);
	json_put_u64(object, "priority", source->priority);
	/* Not in older ones, whose names are their digests. */
	if (source->module_hotfixes)
		json_put_bool(object, "module_hotfixes", true);
	json_put(object, "excludes", json_strings(source->excludes, source->n_excludes));
	json_put(object, "files", files_to_json(source));
	json_put(object, "aliases", aliases_to_json(source));
	return object;
}

json_t *manifest_to_json(const struct mirror_snapshot *snapshot)
{
	json_t *object = json_object(), *sources = json_array(), *packages = json_array();

	for (size_t i = 0; i < snapshot->n_sources; i++)
		json_array_append_new(sources, source_to_json(&snapshot->sources[i], i));
	for (size_t i = 0; i < snapshot->n_packages; i++) {
		char hex[DIGEST_HEX_SIZE];

		digest_to_hex(&snapshot->packages[i], hex);
		json_array_append_new(packages, json_string(hex));
	}
	json_put_u64(object, "version", VERSION);
	json_put(object, "sources", sources);
	json_put(object, "packages", packages);
	return object;
}

static int read_file(struct json_reader *reader, void *opaque)
{
	struct mirror_source *source = opaque;
	struct mirror_file *file = ARRAY_ADD(source->files, source->n_files);

	json_get_bytes(reader, "path", &file->path);
	json_get_u64(reader, "size", &file->size);
	json_get_digest(reader, "sha256", &file->sha256);
	if (json_reader_result(reader) == 0 && !beneath_is_safe(file->path))
		return error_set(reader->err, reader->kind, "%s: a path leads out of it",
				 reader->what);
	return json_reader_result(reader);
}

static int read_alias(struct json_reader *reader, void *opaque)
{
	struct mirror_source *source = opaque;
	struct mirror_alias *alias = ARRAY_ADD(source->aliases, source->n_aliases);

	json_get_string(reader, "checksum", &alias->checksum);
	json_get_digest(reader, "sha256", &alias->sha256);
	return json_reader_result(reader);
}

static void get_time(struct json_reader *reader, const char *name, int64_t *ret)
{
	uint64_t value = 0;

	json_get_u64(reader, name, &value);
	*ret = (int64_t)value;
}

static int read_source(struct json_reader *reader, void *opaque)
{
	struct mirror_snapshot *snapshot = opaque;
	struct mirror_source *ret = ARRAY_ADD(snapshot->sources, snapshot->n_sources);

	ret->directory = xasprintf("%s/sources/%zu", snapshot->directory, snapshot->n_sources - 1);
	json_get_string(reader, "layout", &ret->layout);
	json_get_bytes(reader, "path", &ret->path);
	json_get_nullable_bytes(reader, "origin", &ret->origin);
	json_get_nullable_bytes(reader, "label", &ret->label);
	json_get_nullable_bytes(reader, "suite", &ret->suite);
	json_get_nullable_bytes(reader, "codename", &ret->codename);
	json_get_nullable_bytes(reader, "version", &ret->version);
	json_get_strings(reader, "components", &ret->components, &ret->n_components);
	json_get_strings(reader, "architectures", &ret->architectures, &ret->n_architectures);
	json_get_digest(reader, "index", &ret->index);
	json_get_bytes(reader, "index_path", &ret->index_path);
	json_get_nullable_bytes(reader, "signer", &ret->signer);
	get_time(reader, "date", &ret->date);
	get_time(reader, "valid_until", &ret->valid_until);
	json_get_bool(reader, "security", &ret->security);
	json_get_nullable_bytes(reader, "os_id", &ret->os_id);
	json_get_nullable_bytes(reader, "os_version", &ret->os_version);
	json_get_u64(reader, "priority", &ret->priority);
	ret->module_hotfixes = json_is_true(json_object_get(reader->object, "module_hotfixes"));
	json_get_strings(reader, "excludes", &ret->excludes, &ret->n_excludes);
	if (json_get_items(reader, "files", read_file, ret) < 0)
		return -1;
	return json_get_items(reader, "aliases", read_alias, ret);
}

static void get_packages(struct json_reader *reader, struct mirror_snapshot *ret)
{
	const json_t *array = json_get_array(reader, "packages"), *item;
	size_t i;

	ret->packages = xcalloc(json_array_size(array), sizeof *ret->packages);
	json_array_foreach(array, i, item)
	{
		const char *hex = json_string_value(item);

		if (!hex || !digest_from_hex(hex, &ret->packages[i])) {
			error_set(reader->err, reader->kind, "%s: packages: not a digest",
				  reader->what);
			reader->failed = true;
			return;
		}
		ret->n_packages++;
	}
}

static int get_all(struct json_reader *reader, struct mirror_snapshot *ret)
{
	uint64_t version = VERSION;

	json_get_u64(reader, "version", &version);
	if (version != VERSION)
		return error_set(reader->err, reader->kind,
				 "%s: version %" PRIu64 " is not known here", reader->what,
				 version);
	get_packages(reader, ret);
	return json_get_items(reader, "sources", read_source, ret);
}

static int check_name(const char *directory, const struct digest *digest, struct error *err)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(digest, hex);
	if (strcmp(hex, path_last(directory)) != 0)
		return error_set(err, ERROR_TRUST,
				 "mirror snapshot %s: manifest.json is not what its name says; "
				 "remove it and make it again",
				 directory);
	return 0;
}

struct mirror_snapshot *manifest_read(const char *directory, const char *package_root,
				      struct error *err)
{
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = xcalloc(1, sizeof *snapshot);
	CLEANUP_FREE char *path = path_join(directory, "manifest.json");
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_JSON json_t *json = NULL;
	struct json_reader reader = {.what = path, .kind = ERROR_TRUST, .err = err};

	if (file_read(path, MAX_MANIFEST, &text, err) < 0)
		return NULL;
	digest_of(text.data, text.len, &snapshot->digest);
	if (check_name(directory, &snapshot->digest, err) < 0)
		return NULL;
	json = json_parse(text.data, text.len, path, ERROR_TRUST, err);
	if (!json)
		return NULL;
	snapshot->directory = xstrdup(directory);
	snapshot->package_root = xstrdup(package_root);
	snapshot->made = manifest_made(directory);
	reader.object = json;
	return get_all(&reader, snapshot) < 0 ? NULL : steal(snapshot);
}

int64_t manifest_made(const char *directory)
{
	CLEANUP_FREE char *path = path_join(directory, "made");
	CLEANUP_BUFFER struct buffer text = {0};
	struct error ignored;

	if (file_read(path, 32, &text, &ignored) < 0 || !text.data)
		return 0;
	return strtoll(text.data, NULL, 10);
}
