/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * payload: {"plan", "store", "snapshot", "packages": [SHA256...]} -> {"payloads"}
 *
 * What these packages of the plan bring, from their verified files, for the check after the commit.
 * It needs no image and works while the guest's package manager does, at a lower priority.
 */
#include <string.h>
#include <sys/resource.h>

#include "package/payload.h"
#include "plan/plan.h"
#include "session/strings.h"
#include "session/task.h"

enum { NICE = 10 };

static int add_package(const struct mirror_snapshot *snapshot, const struct package_family *family,
		       const struct package_change *change, struct package_payloads *payloads,
		       struct error *err)
{
	CLEANUP_CLOSE int fd = mirror_package_open(snapshot, &change->sha256, err);
	CLEANUP_FREE char *path = xasprintf("/proc/self/fd/%d", fd);

	if (fd < 0)
		return -1;
	return package_payloads_add(payloads, package_manager_of(family), path, &change->sha256,
				    err);
}

static bool is_wanted(const json_t *packages, const struct package_change *change)
{
	const json_t *name;
	char hex[DIGEST_HEX_SIZE];
	size_t i;

	digest_to_hex(&change->sha256, hex);
	json_array_foreach(packages, i, name)
	{
		if (json_is_string(name) && !strcmp(json_string_value(name), hex))
			return true;
	}
	return false;
}

static int read_packages(const struct plan *plan, const struct mirror_snapshot *snapshot,
			 const json_t *packages, const struct monitor *monitor,
			 struct package_payloads *payloads, struct error *err)
{
	const struct package_family *family = package_family_by_name(plan->family);

	if (!family)
		return error_set(err, ERROR_BUG, "no package family named %s", plan->family);
	for (size_t i = 0; i < plan->resolution.n_changes; i++) {
		const struct package_change *change = &plan->resolution.changes[i];

		if (monitor_check(monitor, err) < 0)
			return -1;
		if (change->to && is_wanted(packages, change) &&
		    add_package(snapshot, family, change, payloads, err) < 0)
			return error_prefix(err, "reading the files of %s", change->name);
	}
	return 0;
}

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	CLEANUP(plan_free)
	struct plan *plan = plan_from_json(json_object_get(input, "plan"), err);
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = NULL;
	__attribute__((cleanup(package_payloads_free))) struct package_payloads payloads = {0};

	if (!plan)
		return -1;
	setpriority(PRIO_PROCESS, 0, NICE);
	snapshot = mirror_snapshot_open(string_member(input, "store"),
					string_member(input, "snapshot"), err);
	if (!snapshot || read_packages(plan, snapshot, json_object_get(input, "packages"), monitor,
				       &payloads, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "payloads", package_payloads_to_json(&payloads));
	return 0;
}

const struct task task_payload = {.name = "payload", .run = run};
