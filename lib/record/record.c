/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/record.h"

#include <string.h>

#include "base/file.h"
#include "record/bundle.h"
#include "record/statement.h"

enum { MAX_RECORD = 64 << 20 };

void record_free(struct record *record)
{
	if (!record)
		return;
	for (size_t i = 0; i < record->n_subjects; i++) {
		free(record->subjects[i].name);
		free(record->subjects[i].sha512);
	}
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
	free(record->key_id);
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

const struct digest *record_content(const struct record *record, size_t n)
{
	const struct record_subject *overlay = record_overlay(record, n);
	CLEANUP_FREE char *name =
		overlay ? xasprintf("%s" RECORD_CONTENT_SUFFIX, overlay->name) : NULL;

	for (size_t i = 0; name && i < record->n_subjects; i++)
		if (strcmp(record->subjects[i].name, name) == 0)
			return &record->subjects[i].digest;
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

bool record_is_squashed(const struct record *record)
{
	return json_is_array(json_object_get(record->internal_parameters, "squashed"));
}

char *record_builder(const char *executor, const char *accelerator)
{
	if (strcmp(accelerator, "none") == 0)
		return xasprintf(RECORD_BUILDER_PREFIX "%s:v1", executor);
	return xasprintf(RECORD_BUILDER_PREFIX "%s-%s:v1", executor, accelerator);
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

static struct record *open_record(const struct buffer *file, const char *path,
				  const struct record_keys *keys, struct error *err)
{
	CLEANUP_BUFFER struct buffer payload = {0};
	struct record *record;
	const char *key_id;

	if (bundle_open(file, path, keys, &payload, &key_id, err) < 0)
		return NULL;
	record = parse(&payload, path, err);
	if (record)
		record->key_id = xstrdup(key_id);
	return record;
}

struct record *record_read(const char *path, const struct record_keys *keys,
			   struct digest *ret_digest, struct error *err)
{
	CLEANUP_BUFFER struct buffer file = {0};
	CLEANUP(record_free)
	struct record *record = NULL;

	if (file_read_document(path, MAX_RECORD, ERROR_TRUST, &file, err) < 0)
		return NULL;
	record = open_record(&file, path, keys, err);
	if (!record)
		return NULL;
	if (record_keys_check_time(keys, record->key_id, record->finished, path, err) < 0)
		return NULL;
	if (ret_digest)
		digest_of(file.data, file.len, ret_digest);
	return steal(record);
}

struct record *record_read_named(const char *path, const struct record_keys *keys,
				 const struct digest *named, struct error *err)
{
	CLEANUP_BUFFER struct buffer file = {0};
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;

	if (file_read_document(path, MAX_RECORD, ERROR_TRUST, &file, err) < 0)
		return NULL;
	digest_of(file.data, file.len, &digest);
	digest_to_hex(named, hex);
	if (!digest_equal(&digest, named))
		return error_set(err, ERROR_TRUST, "%s: not the record with sha256 %s", path, hex),
		       NULL;
	return open_record(&file, path, keys, err);
}
