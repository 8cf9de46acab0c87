/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The genealogy of a template: its generations by their records, and its heads. */
#include <string.h>
#include <time.h>

#include "library/base.h"
#include "session/library_head.h"
#include "session/library_lineage.h"
#include "session/strings.h"

/* The head that made a generation. */
static const struct head *maker(const struct template *template, uint64_t generation)
{
	for (size_t i = 0; i < template->n_heads; i++) {
		const struct head *head = template->heads[i].head;

		if (head && head->generation == generation &&
		    (head->kind == HEAD_COMMIT || head->kind == HEAD_IMPORT))
			return head;
	}
	return NULL;
}

static json_t *bases_to_json(const struct library *library, const struct lineage_step *step)
{
	const struct record_dependency *parent;
	json_t *bases = json_array();

	for (size_t i = 0; (parent = record_dependency_named(step->record, "parent", i)); i++) {
		struct error problem = {0};
		CLEANUP(base_free)
		struct base *base = base_load(library, &parent->digest, &problem);
		json_t *json = json_object();

		json_put_digest(json, "digest", &parent->digest);
		json_put_bytes(json, "path", base ? base->path : NULL);
		json_put_bytes(json, "problem", base ? NULL : problem.msg);
		json_array_append_new(bases, json);
	}
	return bases;
}

static json_t *copy_of(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	return value ? json_incref(value) : json_null();
}

static json_t *packages_to_json(const struct record *record)
{
	const struct record_dependency *package;
	json_t *packages = json_array();

	for (size_t i = 0; (package = record_dependency_named(record, "package", i)); i++) {
		json_t *json = json_object();

		json_put_string(json, "purl", package->uri);
		json_put(json, "replaces", copy_of(package->annotations, "replaces"));
		json_array_append_new(packages, json);
	}
	return packages;
}

static void put_number(json_t *json, const char *name, int64_t number)
{
	json_put(json, name, number == LINEAGE_NONE ? json_null() : json_integer(number));
}

static void put_record(json_t *json, const struct library *library, const struct lineage_step *step)
{
	const struct digest *plan = lineage_byproduct(step, "plan");
	const json_t *parameters = step->record->external_parameters;

	json_put(json, "patchset", copy_of(parameters, "patchset"));
	json_put(json, "packages", packages_to_json(step->record));
	json_put(json, "squashed", copy_of(step->record->internal_parameters, "squashed"));
	json_put(json, "bases",
		 step->below == LINEAGE_NONE ? bases_to_json(library, step) : json_array());
	if (plan)
		json_put_digest(json, "plan", plan);
}

static json_t *generation_to_json(const struct library *library, const struct template *template,
				  const struct lineage_step *step)
{
	const struct head *head = maker(template, step->generation->number);
	json_t *json = json_object();

	json_put_u64(json, "number", step->generation->number);
	json_put_string(json, "kind", head ? head_kind_name(head->kind) : NULL);
	put_number(json, "before", step->before);
	put_number(json, "below", step->below);
	json_put(json, "disks",
		 strings_to_json((const char *const *)step->generation->disks,
				 step->generation->n_disks));
	json_put_bytes(json, "record", step->generation->record);
	json_put_bool(json, "pruned", step->generation->pruned);
	json_put_bytes(json, "problem", step->problem ? step->problem : step->generation->problem);
	json_put_string(json, "run", head ? head->run : NULL);
	json_put_bytes(json, "actor", head ? head->actor : NULL);
	json_put_bytes(json, "reason", head ? head->reason : NULL);
	json_put(json, "time", head ? json_integer(head->time) : json_null());
	json_put(json, "plan", json_null());
	if (step->record)
		put_record(json, library, step);
	return json;
}

static json_t *head_summary(const struct template_head *head)
{
	json_t *json = json_object();

	json_put_u64(json, "number", head->number);
	json_put_bytes(json, "problem", head->problem);
	json_put_digest(json, "digest", &head->digest);
	if (!head->head)
		return json;
	json_put_string(json, "kind", head_kind_name(head->head->kind));
	json_put_u64(json, "generation", head->head->generation);
	json_put_string(json, "run", head->head->run);
	json_put_bytes(json, "actor", head->head->actor);
	json_put_bytes(json, "reason", head->head->reason);
	json_put(json, "time", json_integer(head->head->time));
	json_put(json, "until", head->head->until ? json_integer(head->head->until) : json_null());
	return json;
}

static json_t *pin_to_json(const struct template_pin *pin)
{
	json_t *json = json_object();

	json_put_u64(json, "generation", pin->generation);
	json_put_bytes(json, "who", pin->who);
	json_put(json, "time", json_integer(pin->time));
	json_put_bytes(json, "path", pin->path);
	return json;
}

static void put_info(json_t *json, const struct template *template)
{
	const struct template_head *last = template_last_head(template);
	const struct template_info *info = &template->info;

	json_put_string(json, "template", template->name);
	json_put_bytes(json, "owner", info->owner);
	json_put_bytes(json, "purpose", info->purpose);
	json_put_bytes(json, "review_by", info->review_by);
	json_put_bytes(json, "trust_domain", info->trust_domain ? info->trust_domain : "own");
	json_put(json, "current",
		 last && last->head ? json_integer((json_int_t)last->head->generation)
				    : json_null());
	json_put(json, "hold", hold_to_json(template_hold(template, time(NULL))));
}

static json_t *history(struct coldpatch_session *session, const char *name, struct error *err)
{
	CLEANUP(template_free)
	struct template *template = session_template(session, name, err);
	CLEANUP(lineage_free)
	struct lineage *lineage = NULL;
	json_t *json, *generations, *heads, *pins;

	if (!template)
		return NULL;
	generations = json_array();
	heads = json_array();
	pins = json_array();
	lineage = lineage_new(template, session->keys);
	for (size_t i = 0; i < lineage->n; i++)
		json_array_append_new(generations, generation_to_json(session->library, template,
								      &lineage->steps[i]));
	for (size_t i = 0; i < template->n_heads; i++)
		json_array_append_new(heads, head_summary(&template->heads[i]));
	for (size_t i = 0; i < template->n_pins; i++)
		json_array_append_new(pins, pin_to_json(&template->pins[i]));
	json = json_object();
	put_info(json, template);
	json_put(json, "generations", generations);
	json_put(json, "heads", heads);
	json_put(json, "pins", pins);
	return json;
}

int coldpatch_template_history(struct coldpatch_session *session, const char *name, char **ret_json,
			       struct coldpatch_error *ret_err)
{
	CLEANUP_JSON json_t *json = NULL;
	struct error err = {0};

	json = history(session, name, &err);
	if (!json)
		return session_fail(ret_err, &err);
	*ret_json = session_text(json);
	return 0;
}
