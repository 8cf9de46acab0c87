/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heads, generations and what they are backed by. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "library/base.h"
#include "session/library_verify.h"

struct checking {
	struct verifying *verifying;
	const struct template *template;
	const struct lineage *lineage;
	bool *asked; /* for each generation: is it to be looked at? */
};

static void add(const struct checking *checking, enum finding_status status, const char *what,
		const char *object, const char *found)
{
	finding_add(checking->verifying->findings, status, what, object, NULL, found);
}

static void add_problem(const struct checking *checking, const char *what, const char *object,
			const char *problem)
{
	finding_add_problem(checking->verifying->findings, checking->verifying->library, what,
			    object, problem);
}

/* --- heads --- */

static void name_gap(const struct checking *checking, uint64_t first, uint64_t next)
{
	CLEANUP_FREE char *path =
		library_path(checking->verifying->library, "templates/%s/heads/%06" PRIu64,
			     checking->template->name, first);
	CLEANUP_FREE char *several = xasprintf("missing, and all before head %" PRIu64, next);

	add(checking, FINDING_BAD, "head", path, next - first == 1 ? "missing" : several);
}

static void check_heads(const struct checking *checking)
{
	const struct template *template = checking->template;
	CLEANUP_FREE char *directory =
		library_path(checking->verifying->library, "templates/%s/heads", template->name);
	uint64_t expected = 1;

	if (template->n_heads == 0)
		add(checking, template_lost_heads(template) ? FINDING_BAD : FINDING_NOTE, "head",
		    directory, "has no head");
	for (size_t i = 0; i < template->n_heads; i++) {
		const struct template_head *head = &template->heads[i];

		if (head->number > expected)
			name_gap(checking, expected, head->number);
		if (head->problem)
			add_problem(checking, "head", head->path, head->problem);
		else
			add(checking, FINDING_OK, "head", head->path, NULL);
		expected = head->number + 1;
	}
}

/* Who signed, each once. */
static void check_keys(const struct checking *checking)
{
	CLEANUP_JSON json_t *seen = json_object();

	for (size_t i = 0; i < checking->template->n_heads; i++) {
		const struct head *head = checking->template->heads[i].head;
		const struct key_end *end;

		if (!head || json_object_get(seen, head->key_id))
			continue;
		json_put_bool(seen, head->key_id, true);
		end = record_keys_end(checking->verifying->session->keys, head->key_id);
		add(checking, end ? FINDING_NOTE : FINDING_OK, "key", head->key_id,
		    !end	   ? NULL
		    : end->revoked ? "revoked"
				   : "retired");
	}
}

/* As a command leaves it that is killed between its head and `current`: the next one puts it right.
 */
static bool current_lags(const struct template *template)
{
	const struct template_head *before =
		template->n_heads > 1 ? &template->heads[template->n_heads - 2] : NULL;
	CLEANUP_FREE char *number = NULL;

	if (!before || !before->head)
		return !before && !template->current;
	number = xasprintf("%" PRIu64, before->head->generation);
	return template->current && strcmp(template->current, number) == 0;
}

static void check_current(const struct checking *checking)
{
	const struct template *template = checking->template;
	const struct template_head *last = template_last_head(template);
	CLEANUP_FREE char *path =
		library_path(checking->verifying->library, "templates/%s/current", template->name);
	CLEANUP_FREE char *expected = NULL;
	bool fits;

	if (!last || !last->head)
		return;
	expected = xasprintf("%" PRIu64, last->head->generation);
	fits = template->current && strcmp(template->current, expected) == 0;
	finding_add(checking->verifying->findings,
		    fits		     ? FINDING_OK
		    : current_lags(template) ? FINDING_NOTE
					     : FINDING_BAD,
		    "current", path, expected, template->current ? template->current : "no link");
}

/* --- generations --- */

static bool is_in_place(const struct template_generation *generation)
{
	return generation && !generation->pruned && generation->n_disks > 0;
}

/* NULL: it is of this template. */
static char *problem_of_record(const struct checking *checking, const struct lineage_step *step)
{
	const struct template_generation *generation = step->generation;
	const json_t *member = json_object_get(step->record->external_parameters, "template");
	CLEANUP_FREE char *name = member ? json_bytes_value(member) : NULL;

	if (name && strcmp(name, checking->template->name) == 0)
		return NULL;
	return xasprintf("%s: is of template %s", generation->record, name ? name : "(none)");
}

static void check_parent_record(const struct checking *checking, const struct lineage_step *step)
{
	const struct record_dependency *named =
		record_dependency_named(step->record, "parent-record", 0);
	CLEANUP_FREE char *expected = named ? finding_digest(&named->digest) : NULL;
	bool known = step->before != LINEAGE_NONE;

	if (named)
		finding_add(checking->verifying->findings, known ? FINDING_OK : FINDING_BAD,
			    "parent-record", step->generation->record, expected,
			    known ? expected : "no generation has this record");
}

static void queue_disk(const struct checking *checking, const struct lineage_step *step, size_t n,
		       const char *backing)
{
	json_t *file = json_object();

	json_put_bytes(file, "path", step->generation->disks[n]);
	json_put_string(file, "what", "overlay");
	json_put_digest(file, "sha256", &record_overlay(step->record, n)->digest);
	json_put_string(file, "backing", backing);
	json_put_bool(file, "read_only", true);
	json_array_append_new(checking->verifying->files, file);
}

/* What the header of disk `n` has to name; allocated. */
static char *check_parent(const struct checking *checking, const struct lineage_step *step,
			  size_t n)
{
	const struct record_dependency *parent = record_dependency_named(step->record, "parent", n);
	CLEANUP_FREE char *expected = parent ? finding_digest(&parent->digest) : NULL;
	struct error problem = {0};
	CLEANUP(base_free)
	struct base *base = NULL;

	if (!parent) {
		add(checking, FINDING_BAD, "parent", step->generation->disks[n],
		    "its record names none");
		return NULL;
	}
	if (step->below != LINEAGE_NONE) {
		if (!is_in_place(template_generation_numbered(checking->template,
							      (uint64_t)step->below)))
			finding_add(checking->verifying->findings, FINDING_BAD, "parent",
				    step->generation->disks[n], expected,
				    "the generation with it is not in its place");
		return xasprintf("../%" PRId64 "/disk%zu.qcow2", step->below, n);
	}
	base = base_load(checking->verifying->library, &parent->digest, &problem);
	if (!base && problem.kind == ERROR_MISSING) {
		finding_add(checking->verifying->findings, FINDING_BAD, "parent",
			    step->generation->disks[n], expected,
			    "no generation and no base has this digest");
		return NULL;
	}
	verify_base(checking->verifying, &parent->digest);
	return base ? base_overlay_backing(base) : NULL;
}

static void check_disks(const struct checking *checking, const struct lineage_step *step)
{
	for (size_t i = 0; i < step->generation->n_disks; i++) {
		CLEANUP_FREE char *backing = check_parent(checking, step, i);

		queue_disk(checking, step, i, backing);
	}
}

static void check_record(const struct checking *checking, const struct lineage_step *step)
{
	CLEANUP_FREE char *problem = NULL;

	if (!step->record) {
		add_problem(checking, "record", step->generation->record, step->problem);
		return;
	}
	problem = problem_of_record(checking, step);
	if (problem)
		add_problem(checking, "record", step->generation->record, problem);
	else
		add(checking, FINDING_OK, "record", step->generation->record, NULL);
	check_parent_record(checking, step);
	if (!step->generation->pruned)
		check_disks(checking, step);
}

static void check_generation(const struct checking *checking, const struct lineage_step *step)
{
	const struct template_generation *generation = step->generation;
	const struct template_head *last = template_last_head(checking->template);

	if (!generation->named)
		add(checking, FINDING_NOTE, "generation", generation->directory,
		    "no head names it");
	else if (generation->problem)
		add_problem(checking, "generation", generation->directory, generation->problem);
	else if (generation->pruned && last && last->head &&
		 last->head->generation == generation->number)
		add(checking, FINDING_BAD, "generation", generation->directory,
		    "is the current one, and has no disks");
	else {
		add(checking, generation->pruned ? FINDING_NOTE : FINDING_OK, "generation",
		    generation->directory, generation->pruned ? "pruned" : NULL);
		check_record(checking, step);
	}
}

static void check_pins(const struct checking *checking)
{
	for (size_t i = 0; i < checking->template->n_pins; i++) {
		const struct template_pin *pin = &checking->template->pins[i];
		bool there = is_in_place(
			template_generation_numbered(checking->template, pin->generation));
		CLEANUP_FREE char *found =
			xasprintf("generation %" PRIu64 " is not there", pin->generation);

		add(checking, there ? FINDING_OK : FINDING_BAD, "pin", pin->path,
		    there ? NULL : found);
	}
}

/* --- a template --- */

/* `number` and all that it was made of and is backed by; lower ones are looked at once. */
static void ask_for(const struct checking *checking, int64_t number)
{
	for (size_t i = 0; i < checking->lineage->n; i++) {
		const struct lineage_step *step = &checking->lineage->steps[i];

		if ((int64_t)step->generation->number != number || checking->asked[i])
			continue;
		checking->asked[i] = true;
		ask_for(checking, step->before);
		ask_for(checking, step->below);
	}
}

static void check_template(const struct checking *checking, bool all)
{
	check_heads(checking);
	check_keys(checking);
	check_current(checking);
	for (size_t i = 0; i < checking->lineage->n; i++)
		if (all || checking->asked[i])
			check_generation(checking, &checking->lineage->steps[i]);
	check_pins(checking);
	for (size_t i = 0; i < checking->template->n_problems; i++)
		add_problem(checking, "file", checking->template->name,
			    checking->template->problems[i]);
}

int verify_template(struct verifying *verifying, const char *name, int64_t number,
		    struct error *err)
{
	struct error problem = {0};
	CLEANUP(template_free)
	struct template *template = session_template(verifying->session, name, &problem);
	CLEANUP(lineage_free)
	struct lineage *lineage = NULL;
	CLEANUP_FREE bool *asked = NULL;
	struct checking checking = {verifying, template, NULL, NULL};

	if (!template && problem.kind == ERROR_TRUST) {
		add_problem(&checking, "template", name, problem.msg);
		return 0;
	}
	if (!template) {
		*err = problem;
		return -1;
	}
	if (number >= 0 && !template_generation_numbered(template, (uint64_t)number))
		return error_set(err, ERROR_MISSING, "%s: has no generation %" PRId64, name,
				 number);
	checking.lineage = lineage = lineage_new(template, verifying->session->keys);
	checking.asked = asked = xcalloc(lineage->n + 1, sizeof *asked);
	ask_for(&checking, number);
	check_template(&checking, number < 0);
	return 0;
}

/* An import that is killed between a base's .json and the base leaves the one without the other. */
static void add_base_problem(const struct verifying *verifying, const char *name,
			     const struct error *problem)
{
	if (verifying->unused && problem->kind == ERROR_MISSING)
		finding_add(verifying->findings, FINDING_NOTE, "leftover", name, NULL,
			    "not there, and no generation needs it");
	else
		finding_add_problem(verifying->findings, verifying->library, "base", name,
				    problem->msg);
}

/* Where its header leads, from one that is in its place. */
static void check_chain(const struct verifying *verifying, const struct base *base)
{
	CLEANUP_BASE_CHAIN struct base_chain chain = {0};
	struct error problem = {0};

	if (base_chain_load(verifying->library, &base->digest, &chain, &problem) == 0 &&
	    base_chain_check(&chain, &problem) < 0)
		finding_add_problem(verifying->findings, verifying->library, "backing", base->name,
				    problem.msg);
}

static void queue_base(const struct verifying *verifying, const struct base *base)
{
	json_t *file = json_object();

	json_put_bytes(file, "path", base->path);
	json_put_string(file, "what", "base");
	json_put_digest(file, "sha256", &base->digest);
	json_put_bytes(file, "backing", base->backing_name);
	json_put_bool(file, "other_time", base_has_other_time(base));
	json_array_append_new(verifying->files, file);
}

void verify_base(struct verifying *verifying, const struct digest *digest)
{
	struct digest next = *digest;

	for (bool more = true; more;) {
		char hex[DIGEST_HEX_SIZE];
		struct error problem = {0};
		CLEANUP(base_free)
		struct base *base = NULL;
		CLEANUP_FREE char *name = NULL;

		digest_to_hex(&next, hex);
		if (json_object_get(verifying->bases, hex))
			return;
		json_put_bool(verifying->bases, hex, true);
		name = library_path(verifying->library, "bases/%s", hex);
		base = base_load(verifying->library, &next, &problem);
		if (!base || base_check_unchanged(base, &problem) < 0)
			add_base_problem(verifying, name, &problem);
		else if (verifying->quick)
			finding_add(verifying->findings, FINDING_OK, "base", name, NULL, NULL);
		if (!base)
			return;
		check_chain(verifying, base);
		if ((!problem.kind || base_has_other_time(base)) &&
		    (!verifying->quick || base->backing_name))
			queue_base(verifying, base);
		more = base->backing_name != NULL;
		next = base->backing;
	}
}
