/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A resolution as JSON: part of a plan, docs/plan.schema.json. */
#include <string.h>

#include "base/memory.h"
#include "package/package.h"

static const char *const operation_names[] = {[PACKAGE_UNPACK] = "unpack",
					      [PACKAGE_CONFIGURE] = "configure",
					      [PACKAGE_REMOVE] = "remove",
					      [PACKAGE_INSTALL_BESIDE] = "install-beside"};

static json_t *change_to_json(const struct package_change *change)
{
	json_t *json = json_object();

	json_put_string(json, "name", change->name);
	json_put_string(json, "architecture", change->architecture);
	json_put_string(json, "from", change->from);
	json_put_string(json, "to", change->to);
	json_put_string(json, "source", change->source);
	json_put_u64(json, "old_installed_size", change->old_installed_size);
	if (!change->to)
		return json;
	json_put_bytes(json, "origin", change->origin);
	json_put_bytes(json, "filename", change->filename);
	json_put_digest(json, "sha256", &change->sha256);
	json_put_u64(json, "size", change->size);
	json_put_u64(json, "installed_size", change->installed_size);
	json_put_bool(json, "security", change->security);
	json_put_bool(json, "automatic", change->automatic);
	return json;
}

static json_t *step_to_json(const struct package_step *step)
{
	json_t *json = json_object();

	json_put_string(json, "operation", operation_names[step->operation]);
	json_put_u64(json, "change", step->change);
	return json;
}

static json_t *left_to_json(const struct package_left *left)
{
	json_t *json = json_object();

	json_put_string(json, "name", left->name);
	json_put_string(json, "architecture", left->architecture);
	json_put_string(json, "installed", left->installed);
	json_put_string(json, "candidate", left->candidate);
	json_put_string(json, "reason", left->reason);
	json_put_bytes(json, "detail", left->detail);
	return json;
}

static json_t *file_to_json(const struct package_file_write *file)
{
	json_t *json = json_object();

	json_put_bytes(json, "path", file->path);
	json_put_bytes(json, "content", file->content);
	return json;
}

json_t *resolution_to_json(const struct resolution *resolution)
{
	json_t *json = json_object(), *changes = json_array(), *steps = json_array();
	json_t *left = json_array(), *files = json_array();

	for (size_t i = 0; i < resolution->n_changes; i++)
		json_array_append_new(changes, change_to_json(&resolution->changes[i]));
	for (size_t i = 0; i < resolution->n_steps; i++)
		json_array_append_new(steps, step_to_json(&resolution->steps[i]));
	for (size_t i = 0; i < resolution->n_left; i++)
		json_array_append_new(left, left_to_json(&resolution->left[i]));
	for (size_t i = 0; i < resolution->n_files; i++)
		json_array_append_new(files, file_to_json(&resolution->files[i]));
	json_put(json, "changes", changes);
	json_put(json, "steps", steps);
	json_put(json, "left", left);
	json_put(json, "files", files);
	if (resolution->without_documents)
		json_put_bool(json, "without_documents", true);
	return json;
}

static int change_check(const struct package_change *change, struct error *err)
{
	if (change->from || change->to)
		return 0;
	return error_set(err, ERROR_CONFIG, "plan: change of %s has neither from nor to",
			 change->name);
}

static int change_from_json(struct json_reader *reader, void *opaque)
{
	struct resolution *resolution = opaque;
	struct package_change *ret = ARRAY_ADD(resolution->changes, resolution->n_changes);

	json_get_string(reader, "name", &ret->name);
	json_get_string(reader, "architecture", &ret->architecture);
	json_get_optional_string(reader, "from", &ret->from);
	json_get_optional_string(reader, "to", &ret->to);
	json_get_optional_string(reader, "source", &ret->source);
	json_get_u64(reader, "old_installed_size", &ret->old_installed_size);
	if (ret->to) {
		json_get_bytes(reader, "origin", &ret->origin);
		json_get_bytes(reader, "filename", &ret->filename);
		json_get_digest(reader, "sha256", &ret->sha256);
		json_get_u64(reader, "size", &ret->size);
		json_get_u64(reader, "installed_size", &ret->installed_size);
		json_get_bool(reader, "security", &ret->security);
		json_get_bool(reader, "automatic", &ret->automatic);
	}
	return json_reader_result(reader) < 0 ? -1 : change_check(ret, reader->err);
}

static int operation_of_name(const char *name, enum package_operation *ret, struct error *err)
{
	for (size_t i = 0; i < sizeof operation_names / sizeof *operation_names; i++)
		if (strcmp(name, operation_names[i]) == 0) {
			*ret = (enum package_operation)i;
			return 0;
		}
	return error_set(err, ERROR_CONFIG, "plan: unknown operation %s", name);
}

static int step_from_json(struct json_reader *reader, void *opaque)
{
	struct resolution *resolution = opaque;
	struct package_step *step = ARRAY_ADD(resolution->steps, resolution->n_steps);
	CLEANUP_FREE char *operation = NULL;
	uint64_t change = 0;

	json_get_string(reader, "operation", &operation);
	json_get_u64(reader, "change", &change);
	if (json_reader_result(reader) < 0 ||
	    operation_of_name(operation, &step->operation, reader->err) < 0)
		return -1;
	if (change >= resolution->n_changes)
		return error_set(reader->err, ERROR_CONFIG,
				 "plan: a step names change %llu, which is not there",
				 (unsigned long long)change);
	if ((step->operation == PACKAGE_REMOVE) != !resolution->changes[change].to)
		return error_set(reader->err, ERROR_CONFIG,
				 "plan: step %s does not fit the change of %s", operation,
				 resolution->changes[change].name);
	step->change = change;
	return 0;
}

static int left_from_json(struct json_reader *reader, void *opaque)
{
	struct resolution *resolution = opaque;
	struct package_left *left = ARRAY_ADD(resolution->left, resolution->n_left);

	json_get_string(reader, "name", &left->name);
	json_get_string(reader, "architecture", &left->architecture);
	json_get_optional_string(reader, "installed", &left->installed);
	json_get_optional_string(reader, "candidate", &left->candidate);
	json_get_string(reader, "reason", &left->reason);
	json_get_bytes(reader, "detail", &left->detail);
	return json_reader_result(reader);
}

static int file_from_json(struct json_reader *reader, void *opaque)
{
	struct resolution *resolution = opaque;
	struct package_file_write *file = ARRAY_ADD(resolution->files, resolution->n_files);

	json_get_bytes(reader, "path", &file->path);
	json_get_bytes(reader, "content", &file->content);
	return json_reader_result(reader);
}

static int read_lists(const json_t *json, struct resolution *resolution, struct error *err)
{
	struct json_reader reader = {
		.object = json, .what = "plan", .kind = ERROR_CONFIG, .err = err};

	if (json_get_items(&reader, "changes", change_from_json, resolution) < 0 ||
	    json_get_items(&reader, "steps", step_from_json, resolution) < 0 ||
	    json_get_items(&reader, "left", left_from_json, resolution) < 0 ||
	    json_get_items(&reader, "files", file_from_json, resolution) < 0)
		return -1;
	if (json_object_get(json, "without_documents"))
		json_get_bool(&reader, "without_documents", &resolution->without_documents);
	if (json_reader_result(&reader) < 0)
		return -1;
	if (resolution->n_changes && !resolution->n_steps)
		return error_set(err, ERROR_CONFIG, "plan: there are changes, but no steps");
	return 0;
}

int resolution_from_json(const json_t *json, struct resolution *ret, struct error *err)
{
	struct resolution resolution = {0};

	if (read_lists(json, &resolution, err) < 0) {
		resolution_free(&resolution);
		return -1;
	}
	*ret = resolution;
	return 0;
}
