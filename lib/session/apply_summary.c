/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/apply.h"
#include "session/strings.h"

static json_t *changes_to_json(const struct resolution *resolution)
{
	json_t *changes = json_array();

	for (size_t i = 0; i < resolution->n_changes; i++) {
		const struct package_change *change = &resolution->changes[i];
		json_t *item = json_object();

		json_put_bytes(item, "name", change->name);
		json_put_bytes(item, "architecture", change->architecture);
		json_put_bytes(item, "from", change->from);
		json_put_bytes(item, "to", change->to);
		json_array_append_new(changes, item);
	}
	return changes;
}

static json_t *left_to_json(const struct resolution *resolution)
{
	json_t *left = json_array();

	for (size_t i = 0; i < resolution->n_left; i++) {
		json_t *item = json_object();

		json_put_bytes(item, "name", resolution->left[i].name);
		json_put_bytes(item, "installed", resolution->left[i].installed);
		json_put_bytes(item, "candidate", resolution->left[i].candidate);
		json_put_string(item, "reason", resolution->left[i].reason);
		json_put_bytes(item, "detail", resolution->left[i].detail);
		json_array_append_new(left, item);
	}
	return left;
}

static const char *outcome(const struct coldpatch_apply_options *options,
			   const struct applied *applied)
{
	if (plan_is_empty(applied->prepared.plan))
		return "nothing to do";
	return options->dry_run ? "would be patched" : "patched";
}

/* What the fit check, the run, the layer and the commit want a person to read, in that order. */
static json_t *all_warnings(const struct applied *applied)
{
	json_t *warnings = strings_to_json((const char *const *)applied->prepared.fit.warnings,
					   applied->prepared.fit.n_warnings);
	json_t *run = json_object_get(json_object_get(applied->layer, "run"), "warnings");
	json_t *layer = json_object_get(applied->layer, "warnings");
	json_t *commit = json_object_get(applied->commit, "warnings");

	if (run)
		json_array_extend(warnings, run);
	if (layer)
		json_array_extend(warnings, layer);
	if (applied->changed && applied->destination.warning)
		json_array_append_new(warnings, json_bytes(applied->destination.warning));
	if (commit)
		json_array_extend(warnings, commit);
	return warnings;
}

bool apply_is_squashed(const struct applied *applied)
{
	return json_is_true(json_object_get(applied->commit, "squashed"));
}

static json_t *generation_of(const struct destination *destination)
{
	uint64_t number;

	return destination_generation(destination, &number) ? json_integer((json_int_t)number)
							    : json_null();
}

json_t *apply_summary(struct coldpatch_session *session, const struct applied *applied)
{
	const struct destination *destination = &applied->destination;
	const struct coldpatch_apply_options *options = &destination->options;
	const struct plan *plan = applied->prepared.plan;
	json_t *summary = json_object();
	struct digest digest;

	plan_digest(plan, &digest);
	json_put_string(summary, "run", applied->prepared.run);
	json_put_bytes(summary, "image", destination->resolved.name);
	json_put_bool(summary, "changed", applied->changed);
	json_put_bool(summary, "failed", false);
	json_put_u64(summary, "code", plan_code(plan));
	json_put_string(summary, "msg", outcome(options, applied));
	json_put(summary, "generation", generation_of(destination));
	json_put_digest(summary, "plan", &digest);
	json_put_bytes(summary, "record", applied->changed ? options->record : NULL);
	json_put(summary, "outputs",
		 applied->changed ? strings_to_json(options->outputs, options->n_outputs)
				  : json_array());
	json_put(summary, "packages", changes_to_json(&plan->resolution));
	json_put(summary, "left_behind", left_to_json(&plan->resolution));
	json_put(summary, "care", plan_care_to_json(plan));
	json_put(summary, "warnings", all_warnings(applied));
	json_put_bytes(summary, "log", applied->log_path);
	json_put(summary, "timings", stages_to_json(&session->stages));
	json_put_bool(summary, "squashed", apply_is_squashed(applied));
	if (applied->layer) {
		json_put(summary, "boot_test",
			 json_incref(json_object_get(applied->commit, "boot_test")));
		json_put(summary, "layer", json_incref(json_object_get(applied->layer, "layer")));
		json_put(summary, "execution", json_incref(json_object_get(applied->layer, "run")));
	}
	return summary;
}
