/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolve: {"guest", "state_dir", "store", "snapshot", "patchset", "cache_dir"} -> {"plan"}
 *
 * In a process of its own because package resolvers keep global state.  It sees the package state
 * as files and never opens the image.
 */
#include "plan/plan.h"
#include "session/state_dir.h"
#include "session/strings.h"
#include "session/task.h"

struct inputs {
	struct guest *guest;
	struct patchset *patchset;
	struct mirror_snapshot *snapshot;
	struct package_state state;
	const struct package_family *family;
};

static void inputs_free(struct inputs *inputs)
{
	guest_free(inputs->guest);
	patchset_free(inputs->patchset);
	mirror_snapshot_free(inputs->snapshot);
	package_state_free(&inputs->state);
}

static int read_inputs(const json_t *input, struct inputs *ret, struct error *err)
{
	struct mirror_guest suited;

	ret->guest = guest_from_json(json_object_get(input, "guest"), err);
	if (!ret->guest)
		return -1;
	ret->patchset = patchset_read(string_member(input, "patchset"), err);
	if (!ret->patchset)
		return -1;
	ret->snapshot = mirror_snapshot_open(string_member(input, "store"),
					     string_member(input, "snapshot"), err);
	if (!ret->snapshot)
		return -1;
	suited = package_mirror_guest(ret->guest);
	mirror_snapshot_keep_suited(ret->snapshot, &suited);
	if (state_dir_read(string_member(input, "state_dir"), &ret->state, err) < 0)
		return -1;
	ret->family = package_family_by_name(ret->guest->packages.family);
	if (!ret->family)
		return error_set(err, ERROR_BUG, "no package family named %s",
				 ret->guest->packages.family);
	return 0;
}

static int resolve(const struct inputs *inputs, const char *cache_dir, struct plan **ret,
		   struct error *err)
{
	struct resolve_request request;
	struct resolution resolution = {0};
	const struct package_manager *manager = package_manager_of(inputs->family);

	patchset_request(inputs->patchset, &request);
	if (manager->resolve(&inputs->state, inputs->guest, inputs->snapshot, &request, cache_dir,
			     &resolution, err) < 0)
		return -1;
	*ret = plan_make(inputs->guest, inputs->snapshot, inputs->patchset, &resolution);
	return 0;
}

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	__attribute__((cleanup(inputs_free))) struct inputs inputs = {0};
	CLEANUP(plan_free)
	struct plan *plan = NULL;

	monitor_progress(monitor, "plan", NULL, 0, 0);
	if (read_inputs(input, &inputs, err) < 0)
		return -1;
	if (resolve(&inputs, string_member(input, "cache_dir"), &plan, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "plan", plan_to_json(plan));
	return 0;
}

const struct task task_resolve = {.name = "resolve", .run = run};
