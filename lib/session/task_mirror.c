/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snapshot:        {"store", "mirrors": [{"path", "suites", "keyrings", "os_id"?, "os_version"?,
 *                   "priority"?, "module_hotfixes"?, "excludes"?, "trust_digests"?,
 *                   "trust_packages"?, "maximum_age"?}], "now", "maximum_age",
 *                   "high_water_file", "allow_digests"}
 *                  -> manifest of the mirror snapshot
 * try-snapshot:    the same and "scratch" -> what would be taken and refused (trial.h)
 * verify-snapshot: {"store", "snapshot"} -> manifest of the mirror snapshot
 *
 * A mirror's bytes are hostile until verified, so this is a worker's business.
 */
#include "mirror/trial.h"
#include "session/strings.h"
#include "session/task.h"

static const char *optional(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void read_mirror(const json_t *json, struct mirror_options *ret)
{
	ret->path = string_member(json, "path");
	ret->suites = strings_of_json(json_object_get(json, "suites"), &ret->n_suites);
	ret->keyrings = strings_of_json(json_object_get(json, "keyrings"), &ret->n_keyrings);
	ret->os_id = optional(json, "os_id");
	ret->os_version = optional(json, "os_version");
	ret->priority = (uint64_t)json_integer_value(json_object_get(json, "priority"));
	ret->module_hotfixes = json_is_true(json_object_get(json, "module_hotfixes"));
	ret->excludes = strings_of_json(json_object_get(json, "excludes"), &ret->n_excludes);
	ret->trust_digests =
		strings_of_json(json_object_get(json, "trust_digests"), &ret->n_trust_digests);
	ret->trust_packages =
		strings_of_json(json_object_get(json, "trust_packages"), &ret->n_trust_packages);
	ret->maximum_age = json_integer_value(json_object_get(json, "maximum_age"));
}

static void free_mirror(const struct mirror_options *mirror)
{
	const void *const lists[] = {mirror->suites, mirror->keyrings, mirror->excludes,
				     mirror->trust_digests, mirror->trust_packages};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		free((void *)(uintptr_t)lists[i]);
}

static void free_mirrors(struct mirror_options *mirrors, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_mirror(&mirrors[i]);
	free(mirrors);
}

/* What both have in common. */
struct request {
	const char *store;
	struct mirror_options *mirrors;
	size_t n;
	struct mirror_policy policy;
	const char **allowed;
};

static void request_free(struct request *request)
{
	free_mirrors(request->mirrors, request->n);
	free(request->allowed);
}
#define CLEANUP_REQUEST __attribute__((cleanup(request_free)))

static void read_request(const json_t *input, struct request *ret)
{
	const json_t *list = json_object_get(input, "mirrors"), *item;
	size_t i;

	ret->store = string_member(input, "store");
	ret->n = json_array_size(list);
	ret->mirrors = xcalloc(ret->n, sizeof *ret->mirrors);
	json_array_foreach(list, i, item) read_mirror(item, &ret->mirrors[i]);
	ret->policy = (struct mirror_policy){
		.now = json_integer_value(json_object_get(input, "now")),
		.maximum_age = json_integer_value(json_object_get(input, "maximum_age")),
		.high_water_file = string_member(input, "high_water_file"),
	};
	ret->allowed = strings_of_json(json_object_get(input, "allow_digests"),
				       &ret->policy.n_allow_digests);
	ret->policy.allow_digests = ret->allowed;
}

static int run_snapshot(const json_t *input, const struct monitor *monitor, json_t **ret,
			struct error *err)
{
	CLEANUP_REQUEST struct request request = {0};
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = NULL;

	read_request(input, &request);
	if (mirror_snapshot_make(request.store, request.mirrors, request.n, &request.policy,
				 monitor, &snapshot, err) < 0)
		return -1;
	*ret = mirror_snapshot_to_json(snapshot);
	return 0;
}

static int run_try(const json_t *input, const struct monitor *monitor, json_t **ret,
		   struct error *err)
{
	CLEANUP_REQUEST struct request request = {0};
	CLEANUP_MIRROR_TRIAL struct mirror_trial trial = {0};

	read_request(input, &request);
	if (mirror_snapshot_try(request.store, string_member(input, "scratch"), request.mirrors,
				request.n, &request.policy, monitor, &trial, err) < 0)
		return -1;
	*ret = mirror_trial_to_json(&trial);
	return 0;
}

static int run_verify(const json_t *input, const struct monitor *monitor, json_t **ret,
		      struct error *err)
{
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = mirror_snapshot_open(
		string_member(input, "store"), string_member(input, "snapshot"), err);

	if (!snapshot)
		return -1;
	if (mirror_snapshot_verify(snapshot, monitor, err) < 0)
		return -1;
	*ret = mirror_snapshot_to_json(snapshot);
	return 0;
}

const struct task task_snapshot = {.name = "snapshot", .run = run_snapshot};
const struct task task_try_snapshot = {.name = "try-snapshot", .run = run_try};
const struct task task_verify_snapshot = {.name = "verify-snapshot", .run = run_verify};
