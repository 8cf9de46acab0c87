/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify-record: {"overlays", "record", "parent_records", "public_keys", "backing", "chain_below",
 *                 "work_dir"}
 *                -> {"findings"}
 */
#include "record/verify.h"
#include "session/strings.h"
#include "session/task.h"

static int verify_each(const json_t *overlays, struct verify_request *request, json_t *findings,
		       struct error *err)
{
	const json_t *overlay;
	size_t i;

	json_array_foreach(overlays, i, overlay)
	{
		struct verification verification = {0};
		json_t *found;

		request->overlay = json_string_value(overlay);
		if (record_verify(request, &verification, err) < 0)
			return -1;
		found = verification_to_json(&verification);
		json_array_extend(findings, found);
		json_decref(found);
		verification_free(&verification);
	}
	return 0;
}

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	struct verify_request request = {
		.record = json_string_value(json_object_get(input, "record")),
		.work_dir = json_string_value(json_object_get(input, "work_dir")),
		.monitor = monitor};
	CLEANUP_FREE const char **records = strings_of_json(
		json_object_get(input, "parent_records"), &request.n_ancestor_records);
	CLEANUP_FREE const char **keys =
		strings_of_json(json_object_get(input, "public_keys"), &request.n_public_keys);
	CLEANUP_FREE const char **backing =
		strings_of_json(json_object_get(input, "backing"), &request.n_backing);
	CLEANUP_JSON json_t *findings = json_array();

	request.ancestor_records = records;
	request.public_keys = keys;
	request.backing = backing;
	if (verify_each(json_object_get(input, "overlays"), &request, findings, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "findings", steal(findings));
	return 0;
}

const struct task task_verify_record = {.name = "verify-record", .run = run};
