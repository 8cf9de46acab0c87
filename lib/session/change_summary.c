/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/change_summary.h"

json_t *change_summary(const char *run, const char *name, bool changed, const char *msg,
		       const struct template_generation *generation, const struct digest *plan)
{
	json_t *summary = json_object();

	json_put_string(summary, "run", run);
	json_put_string(summary, "image", name);
	json_put_bool(summary, "changed", changed);
	json_put_bool(summary, "failed", false);
	json_put_u64(summary, "code", COLDPATCH_OK);
	json_put_string(summary, "msg", msg);
	json_put(summary, "plan", json_null());
	if (plan)
		json_put_digest(summary, "plan", plan);
	json_put(summary, "generation", json_null());
	if (generation)
		json_put_u64(summary, "generation", generation->number);
	json_put_bytes(summary, "record", generation ? generation->record : NULL);
	return summary;
}

void summary_of_none(json_t *summary)
{
	json_put(summary, "image", json_null());
	json_put(summary, "generation", json_null());
	json_put(summary, "plan", json_null());
	json_put(summary, "record", json_null());
}
