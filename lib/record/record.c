/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/record.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "record/bundle.h"
#include "record/statement.h"

enum { MAX_RECORD = 64 << 20, MAX_KEYS = 4096 };

void record_free(struct record *record)
{
	if (!record)
		return;
	for (size_t i = 0; i < record->n_subjects; i++)
		free(record->subjects[i].name);
	for (size_t i = 0; i < record->n_dependencies; i++) {
		free(record->dependencies[i].name);
		free(record->dependencies[i].uri);
		json_decref(record->dependencies[i].annotations);
	}
	for (size_t i = 0; i < record->n_byproducts; i++)
		free(record->byproducts[i].name);
	free(record->subjects);
	free(record->dependencies);
	free(record->byproducts);
	json_decref(record->external_parameters);
	json_decref(record->internal_parameters);
	free(record->builder);
	free(record->run_id);
	free(record);
}

static bool is_content(const char *name)
{
	size_t len = strlen(name), suffix = strlen(RECORD_CONTENT_SUFFIX);

	return len >= suffix && strcmp(name + len - suffix, RECORD_CONTENT_SUFFIX) == 0;
}

const struct record_subject *record_overlay(const struct record *record, size_t n)
{
	for (size_t i = 0; i < record->n_subjects; i++)
		if (!is_content(record->subjects[i].name) && n-- == 0)
			return &record->subjects[i];
	return NULL;
}

const struct record_dependency *record_dependency_named(const struct record *record,
							const char *name, size_t n)
{
	for (size_t i = 0; i < record->n_dependencies; i++)
		if (strcmp(record->dependencies[i].name, name) == 0 && n-- == 0)
			return &record->dependencies[i];
	return NULL;
}

char *record_builder(const char *executor, const char *accelerator)
{
	if (strcmp(accelerator, "none") == 0)
		return xasprintf(RECORD_BUILDER_PREFIX "%s:v1", executor);
	return xasprintf(RECORD_BUILDER_PREFIX "%s-%s:v1", executor, accelerator);
}

struct key_ring {
	struct key **keys;
	size_t n_keys;
};

static void key_ring_free(struct key_ring *ring)
{
	for (size_t i = 0; i < ring->n_keys; i++)
		key_free(ring->keys[i]);
	free(ring->keys);
}

static int add_key(struct key_ring *ring, const char *path, struct error *err)
{
	struct key *key = ring->n_keys < MAX_KEYS ? key_open_public(path, err) : NULL;

	if (!key)
		return ring->n_keys < MAX_KEYS ? -1
					       : error_set(err, ERROR_CONFIG,
							   "%s: more than %d keys", path, MAX_KEYS);
	*ARRAY_ADD(ring->keys, ring->n_keys) = key;
	return 0;
}

static bool is_public_key_name(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && name[0] != '.' && strcmp(name + len - 4, ".pub") == 0;
}

static int add_directory(struct key_ring *ring, const char *path, struct error *err)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int result = 0;

	if (!dir)
		return error_os(err, ERROR_CONFIG, errno, "%s", path);
	while (result == 0 && (entry = readdir(dir))) {
		CLEANUP_FREE char *file = path_join(path, entry->d_name);

		if (is_public_key_name(entry->d_name))
			result = add_key(ring, file, err);
	}
	closedir(dir);
	return result;
}

static int read_keys(const char *const *paths, size_t n_paths, struct key_ring *ring,
		     struct error *err)
{
	for (size_t i = 0; i < n_paths; i++) {
		struct stat st;
		bool directory = stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode);

		if ((directory ? add_directory : add_key)(ring, paths[i], err) < 0)
			return -1;
	}
	return 0;
}

static struct record *parse(const struct buffer *payload, const char *path, struct error *err)
{
	CLEANUP_JSON json_t *statement =
		json_parse(payload->data, payload->len, path, ERROR_TRUST, err);
	struct record *record = statement ? record_from_json(statement, err) : NULL;

	if (statement && !record)
		error_prefix(err, "%s", path);
	return record;
}

struct record *record_read(const char *path, const char *const *public_keys, size_t n_public_keys,
			   struct digest *ret_digest, struct error *err)
{
	__attribute__((cleanup(key_ring_free))) struct key_ring ring = {0};
	CLEANUP_BUFFER struct buffer file = {0};
	CLEANUP_BUFFER struct buffer payload = {0};
	struct record *record;

	if (read_keys(public_keys, n_public_keys, &ring, err) < 0 ||
	    file_read_document(path, MAX_RECORD, ERROR_CONFIG, &file, err) < 0)
		return NULL;
	if (bundle_open(&file, path, (const struct key *const *)ring.keys, ring.n_keys, &payload,
			err) < 0)
		return NULL;
	record = parse(&payload, path, err);
	if (record && ret_digest)
		digest_of(file.data, file.len, ret_digest);
	return record;
}
