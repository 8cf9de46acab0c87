/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan as JSON and back; docs/plan.schema.json describes it. */
#include "base/memory.h"
#include "plan/plan.h"

enum { PLAN_VERSION = 1 };

static json_t *space_to_json(const struct plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->n_space; i++) {
		json_t *json = json_object();

		json_put_string(json, "path", plan->space[i].path);
		json_put_u64(json, "bytes", plan->space[i].bytes);
		json_put_u64(json, "inodes", plan->space[i].inodes);
		json_array_append_new(array, json);
	}
	return array;
}

json_t *plan_care_to_json(const struct plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->n_care; i++) {
		json_t *json = json_object();

		json_put_string(json, "code", plan->care[i].code);
		json_put_string(json, "package", plan->care[i].package);
		json_put_string(json, "detail", plan->care[i].detail);
		json_array_append_new(array, json);
	}
	return array;
}

json_t *plan_to_json(const struct plan *plan)
{
	json_t *json = resolution_to_json(&plan->resolution);

	json_put_u64(json, "version", PLAN_VERSION);
	json_put_string(json, "family", plan->family);
	json_put_string(json, "architecture", plan->architecture);
	json_put_bytes(json, "os_id", plan->os_id);
	json_put_bytes(json, "os_version_id", plan->os_version_id);
	json_put_digest(json, "package_state", &plan->package_state);
	json_put_digest(json, "snapshot", &plan->snapshot);
	json_put_digest(json, "patchset", &plan->patchset);
	json_put_string(json, "patchset_name", plan->patchset_name);
	json_put(json, "space", space_to_json(plan));
	json_put(json, "care", plan_care_to_json(plan));
	return json;
}

static int read_version(struct json_reader *reader)
{
	uint64_t version = 0;

	json_get_u64(reader, "version", &version);
	if (reader->failed || version == PLAN_VERSION)
		return json_reader_result(reader);
	return error_set(reader->err, reader->kind, "plan: version %llu is not known; this is %d",
			 (unsigned long long)version, PLAN_VERSION);
}

static int space_from_json(struct json_reader *reader, void *opaque)
{
	struct plan *plan = opaque;
	struct plan_space *space = ARRAY_ADD(plan->space, plan->n_space);

	json_get_string(reader, "path", &space->path);
	json_get_u64(reader, "bytes", &space->bytes);
	json_get_u64(reader, "inodes", &space->inodes);
	return json_reader_result(reader);
}

static int care_from_json(struct json_reader *reader, void *opaque)
{
	struct plan *plan = opaque;
	struct plan_care *care = ARRAY_ADD(plan->care, plan->n_care);

	json_get_string(reader, "code", &care->code);
	json_get_string(reader, "package", &care->package);
	json_get_string(reader, "detail", &care->detail);
	return json_reader_result(reader);
}

static int read_plan(const json_t *json, struct plan *plan, struct error *err)
{
	struct json_reader reader = {
		.object = json, .what = "plan", .kind = ERROR_CONFIG, .err = err};

	if (read_version(&reader) < 0)
		return -1;
	json_get_string(&reader, "family", &plan->family);
	json_get_string(&reader, "architecture", &plan->architecture);
	json_get_bytes(&reader, "os_id", &plan->os_id);
	json_get_bytes(&reader, "os_version_id", &plan->os_version_id);
	json_get_digest(&reader, "package_state", &plan->package_state);
	json_get_digest(&reader, "snapshot", &plan->snapshot);
	json_get_digest(&reader, "patchset", &plan->patchset);
	json_get_string(&reader, "patchset_name", &plan->patchset_name);
	if (json_get_items(&reader, "space", space_from_json, plan) < 0 ||
	    json_get_items(&reader, "care", care_from_json, plan) < 0)
		return -1;
	return resolution_from_json(json, &plan->resolution, err);
}

struct plan *plan_from_json(const json_t *json, struct error *err)
{
	CLEANUP(plan_free)
	struct plan *plan = xcalloc(1, sizeof *plan);

	return read_plan(json, plan, err) < 0 ? NULL : steal(plan);
}
