/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify-record: {"overlays", "record", "parent_records", "public_keys", "backing"} -> {"findings"}
 */
#include "record/verify.h"
#include "session/strings.h"
#include "session/task.h"

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	struct verify_request request = {
		.record = json_string_value(json_object_get(input, "record")), .monitor = monitor};
	CLEANUP_FREE const char **records = strings_of_json(
		json_object_get(input, "parent_records"), &request.n_ancestor_records);
	CLEANUP_FREE const char **keys =
		strings_of_json(json_object_get(input, "public_keys"), &request.n_public_keys);
	CLEANUP_FREE const char **backing =
		strings_of_json(json_object_get(input, "backing"), &request.n_backing);
	struct verification verification = {0};

	request.ancestor_records = records;
	request.public_keys = keys;
	request.backing = backing;
	request.overlay = json_string_value(json_array_get(json_object_get(input, "overlays"), 0));
	if (record_verify(&request, &verification, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "findings", verification_to_json(&verification));
	verification_free(&verification);
	return 0;
}

const struct task task_verify_record = {.name = "verify-record", .run = run};
