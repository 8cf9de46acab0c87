/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record as an in-toto Statement v1 with the SLSA provenance v1 predicate.
 *
 * Reading is strict in what gives a statement its meaning (types, subjects, digests, times) and
 * ignores members it does not know, as both specifications demand.  What is read and written again
 * has no such members left: the signer relies on that, it signs nothing that is not in struct
 * record.
 */
#include "record/statement.h"

#include <string.h>

#include "record/record.h"
#include "record/timestamp.h"

static const char *const build_types[] = {
	[RECORD_PATCH] = RECORD_BUILD_PATCH,
	[RECORD_IMPORT] = RECORD_BUILD_IMPORT,
	[RECORD_EXPORT] = RECORD_BUILD_EXPORT,
};
enum { N_BUILD_TYPES = sizeof build_types / sizeof *build_types };

enum { MAX_SUBJECTS = 1024, MAX_DEPENDENCIES = 1 << 17, MAX_BYPRODUCTS = 1024, SHA512_HEX = 128 };

const char *record_build_type_uri(enum record_build_type type)
{
	return build_types[type];
}

static json_t *object_or_empty(json_t *object)
{
	return object ? json_deep_copy(object) : json_object();
}

json_t *statement_resource(const char *name, const struct digest *digest)
{
	json_t *resource = json_object(), *digests = json_object();

	json_put_digest(digests, "sha256", digest);
	json_put_string(resource, "name", name);
	json_put(resource, "digest", digests);
	return resource;
}

static json_t *subjects_to_json(const struct record *record)
{
	json_t *list = json_array();

	for (size_t i = 0; i < record->n_subjects; i++) {
		const struct record_subject *one = &record->subjects[i];
		json_t *resource = statement_resource(one->name, &one->digest);

		if (one->sha512)
			json_put_string(json_object_get(resource, "digest"), "sha512", one->sha512);
		json_array_append_new(list, resource);
	}
	return list;
}

static json_t *dependencies_to_json(const struct record *record)
{
	json_t *list = json_array();

	for (size_t i = 0; i < record->n_dependencies; i++) {
		const struct record_dependency *one = &record->dependencies[i];
		json_t *resource = statement_resource(one->name, &one->digest);

		if (one->uri)
			json_put_string(resource, "uri", one->uri);
		if (one->annotations)
			json_put(resource, "annotations", json_deep_copy(one->annotations));
		json_array_append_new(list, resource);
	}
	return list;
}

static json_t *byproducts_to_json(const struct record *record)
{
	json_t *list = json_array();

	for (size_t i = 0; i < record->n_byproducts; i++)
		json_array_append_new(list, statement_resource(record->byproducts[i].name,
							       &record->byproducts[i].digest));
	return list;
}

static json_t *definition_to_json(const struct record *record)
{
	json_t *definition = json_object();

	json_put_string(definition, "buildType", record_build_type_uri(record->build_type));
	json_put(definition, "externalParameters", object_or_empty(record->external_parameters));
	json_put(definition, "internalParameters", object_or_empty(record->internal_parameters));
	json_put(definition, "resolvedDependencies", dependencies_to_json(record));
	return definition;
}

void statement_put_time(json_t *object, const char *name, int64_t seconds)
{
	char text[TIMESTAMP_SIZE];

	timestamp_format(seconds, text);
	json_put_string(object, name, text);
}

static json_t *details_to_json(const struct record *record)
{
	json_t *details = json_object(), *builder = json_object(), *version = json_object();
	json_t *metadata = json_object();

	json_put_string(version, "coldpatch", COLDPATCH_VERSION);
	json_put_string(builder, "id", record->builder);
	json_put(builder, "version", version);
	json_put_string(metadata, "invocationId", record->run_id);
	statement_put_time(metadata, "startedOn", record->started);
	statement_put_time(metadata, "finishedOn", record->finished);
	json_put(details, "builder", builder);
	json_put(details, "metadata", metadata);
	json_put(details, "byproducts", byproducts_to_json(record));
	return details;
}

json_t *record_to_json(const struct record *record)
{
	json_t *statement = json_object(), *predicate = json_object();

	json_put(predicate, "buildDefinition", definition_to_json(record));
	json_put(predicate, "runDetails", details_to_json(record));
	json_put_string(statement, "_type", RECORD_STATEMENT_TYPE);
	json_put_string(statement, "predicateType", RECORD_PREDICATE_TYPE);
	json_put(statement, "subject", subjects_to_json(record));
	json_put(statement, "predicate", predicate);
	return statement;
}

void statement_get_constant(struct json_reader *reader, const char *name, const char *expected)
{
	CLEANUP_FREE char *value = NULL;

	json_get_string(reader, name, &value);
	if (reader->failed || strcmp(value, expected) == 0)
		return;
	reader->failed = true;
	error_set(reader->err, reader->kind, "%s: %s is '%s', not %s", reader->what, name, value,
		  expected);
}

void statement_get_time(struct json_reader *reader, const char *name, int64_t *ret)
{
	CLEANUP_FREE char *text = NULL;

	json_get_string(reader, name, &text);
	if (reader->failed || timestamp_parse(text, ret))
		return;
	reader->failed = true;
	error_set(reader->err, reader->kind, "%s: %s '%s' is not a time in UTC", reader->what, name,
		  text);
}

static void get_build_type(struct json_reader *reader, enum record_build_type *ret)
{
	CLEANUP_FREE char *value = NULL;

	json_get_string(reader, "buildType", &value);
	for (size_t i = 0; !reader->failed && i < N_BUILD_TYPES; i++)
		if (strcmp(value, build_types[i]) == 0) {
			*ret = (enum record_build_type)i;
			return;
		}
	if (reader->failed)
		return;
	reader->failed = true;
	error_set(reader->err, reader->kind, "%s: buildType is '%s', not one of coldpatch's",
		  reader->what, value);
}

static void get_builder(struct json_reader *reader, char **ret)
{
	json_get_string(reader, "id", ret);
	if (reader->failed ||
	    strncmp(*ret, RECORD_BUILDER_PREFIX, strlen(RECORD_BUILDER_PREFIX)) == 0)
		return;
	reader->failed = true;
	error_set(reader->err, reader->kind, "%s: builder '%s' is none of coldpatch", reader->what,
		  *ret);
}

struct json_reader statement_below(struct json_reader *parent, const char *name, const char *what)
{
	struct json_reader reader = *parent;

	reader.object = json_get_object(&reader, name);
	reader.what = what;
	return reader;
}

static const json_t *get_list(struct json_reader *reader, const char *name, size_t limit)
{
	const json_t *list = json_get_array(reader, name);

	if (!list || json_array_size(list) <= limit)
		return list;
	reader->failed = true;
	error_set(reader->err, reader->kind, "%s: %s has more than %zu members", reader->what, name,
		  limit);
	return NULL;
}

struct json_reader statement_get_resource(const json_t *json, const char *what, char **ret_name,
					  struct digest *ret_digest, struct error *err)
{
	struct json_reader reader = {json, what, ERROR_TRUST, err, false};
	struct json_reader digests;

	json_get_string(&reader, "name", ret_name);
	digests = statement_below(&reader, "digest", what);
	json_get_digest(&digests, "sha256", ret_digest);
	reader.failed = digests.failed;
	return reader;
}

static void get_sha512(struct json_reader *reader, char **ret)
{
	struct json_reader digests = statement_below(reader, "digest", reader->what);

	json_get_optional_string(&digests, "sha512", ret);
	reader->failed = digests.failed;
	if (reader->failed || !*ret ||
	    (strlen(*ret) == SHA512_HEX && (*ret)[strspn(*ret, "0123456789abcdef")] == '\0'))
		return;
	reader->failed = true;
	error_set(reader->err, reader->kind, "%s: member sha512 is not a digest", reader->what);
}

static int read_subjects(const json_t *list, struct record *record, struct error *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		struct record_subject *subject = ARRAY_ADD(record->subjects, record->n_subjects);
		struct json_reader reader = statement_get_resource(item, "subject", &subject->name,
								   &subject->digest, err);

		get_sha512(&reader, &subject->sha512);
		if (json_reader_result(&reader) < 0)
			return -1;
	}
	if (!record_overlay(record, 0))
		return error_set(err, ERROR_TRUST, "statement: no overlay among its subjects");
	return 0;
}

static int read_dependencies(const json_t *list, struct record *record, struct error *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		struct record_dependency *one =
			ARRAY_ADD(record->dependencies, record->n_dependencies);
		struct json_reader reader = statement_get_resource(item, "resolvedDependencies",
								   &one->name, &one->digest, err);

		json_get_optional_string(&reader, "uri", &one->uri);
		if (!reader.failed && json_object_get(item, "annotations"))
			one->annotations = json_deep_copy(json_get_object(&reader, "annotations"));
		if (json_reader_result(&reader) < 0)
			return -1;
	}
	return 0;
}

static int read_byproducts(const json_t *list, struct record *record, struct error *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		struct record_byproduct *one = ARRAY_ADD(record->byproducts, record->n_byproducts);
		struct json_reader reader =
			statement_get_resource(item, "byproducts", &one->name, &one->digest, err);

		if (json_reader_result(&reader) < 0)
			return -1;
	}
	return 0;
}

static int read_definition(struct json_reader *predicate, struct record *record, struct error *err)
{
	struct json_reader reader =
		statement_below(predicate, "buildDefinition", "buildDefinition");
	const json_t *external, *internal, *dependencies;

	get_build_type(&reader, &record->build_type);
	external = json_get_object(&reader, "externalParameters");
	internal = json_get_object(&reader, "internalParameters");
	dependencies = get_list(&reader, "resolvedDependencies", MAX_DEPENDENCIES);
	if (json_reader_result(&reader) < 0)
		return -1;
	record->external_parameters = json_deep_copy(external);
	record->internal_parameters = json_deep_copy(internal);
	return read_dependencies(dependencies, record, err);
}

static int read_details(struct json_reader *predicate, struct record *record, struct error *err)
{
	struct json_reader reader = statement_below(predicate, "runDetails", "runDetails");
	struct json_reader builder = statement_below(&reader, "builder", "builder");
	struct json_reader metadata;
	const json_t *byproducts;

	get_builder(&builder, &record->builder);
	if (json_reader_result(&builder) < 0)
		return -1;
	metadata = statement_below(&reader, "metadata", "metadata");
	json_get_string(&metadata, "invocationId", &record->run_id);
	statement_get_time(&metadata, "startedOn", &record->started);
	statement_get_time(&metadata, "finishedOn", &record->finished);
	if (json_reader_result(&metadata) < 0)
		return -1;
	byproducts = get_list(&reader, "byproducts", MAX_BYPRODUCTS);
	if (json_reader_result(&reader) < 0)
		return -1;
	return read_byproducts(byproducts, record, err);
}

struct record *record_from_json(const json_t *json, struct error *err)
{
	CLEANUP(record_free)
	struct record *record = xcalloc(1, sizeof *record);
	struct json_reader reader = {json, "statement", ERROR_TRUST, err, false};
	struct json_reader predicate;
	const json_t *subjects;

	statement_get_constant(&reader, "_type", RECORD_STATEMENT_TYPE);
	statement_get_constant(&reader, "predicateType", RECORD_PREDICATE_TYPE);
	subjects = get_list(&reader, "subject", MAX_SUBJECTS);
	predicate = statement_below(&reader, "predicate", "predicate");
	if (json_reader_result(&predicate) < 0 || read_subjects(subjects, record, err) < 0 ||
	    read_definition(&predicate, record, err) < 0 ||
	    read_details(&predicate, record, err) < 0)
		return NULL;
	return steal(record);
}
