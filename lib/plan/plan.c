/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/plan.h"

#include "base/memory.h"
#include "plan/parts.h"

static char *copy(const char *text)
{
	return xstrdup(text ? text : "");
}

struct plan *plan_make(const struct guest *guest, const struct mirror_snapshot *snapshot,
		       const struct patchset *patchset, struct resolution *resolution)
{
	struct plan *plan = xcalloc(1, sizeof *plan);

	plan->family = copy(guest->packages.family);
	plan->architecture = copy(guest->packages.architecture);
	plan->os_id = copy(guest->os.id);
	plan->os_version_id = copy(guest->os.version_id);
	plan->package_state = guest->packages.state;
	plan->snapshot = snapshot->digest;
	plan->patchset = patchset->digest;
	plan->patchset_name = copy(patchset->name);
	plan->resolution = *resolution;
	*resolution = (struct resolution){0};
	plan_add_space(plan);
	plan_add_care(plan, guest);
	return plan;
}

bool plan_is_empty(const struct plan *plan)
{
	return plan->resolution.n_changes == 0;
}

void plan_digest(const struct plan *plan, struct digest *ret)
{
	CLEANUP_JSON json_t *json = plan_to_json(plan);

	json_digest(json, ret);
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_space; i++)
		free(plan->space[i].path);
	for (size_t i = 0; i < plan->n_care; i++) {
		free(plan->care[i].code);
		free(plan->care[i].package);
		free(plan->care[i].detail);
	}
	resolution_free(&plan->resolution);
	free(plan->space);
	free(plan->care);
	free(plan->family);
	free(plan->architecture);
	free(plan->os_id);
	free(plan->os_version_id);
	free(plan->patchset_name);
	free(plan);
}
