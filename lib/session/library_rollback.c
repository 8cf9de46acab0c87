/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going back: a head that names an earlier generation.  Nothing is written to a disk.
 *
 * Without a number it takes back the last update: "the one before" is what was current when the
 * current generation was made.  Where somebody has gone back already there is no update to take
 * back, so that the same command, repeated because some of several templates failed, does not go
 * back twice; further is for those who say how far.
 *
 * What is held against then is library_undone.h's.  Until when, a call may say anew: its head stays
 * where the one before went, and takes its place.
 */
#include <string.h>
#include <time.h>

#include "library/commit.h"
#include "library/heads.h"
#include "session/change_summary.h"
#include "session/library_head.h"
#include "session/library_lineage.h"
#include "session/strings.h"
#include "session/template_each.h"
#include "session/until.h"

#define DEFAULT_UNTIL "30d"

enum { DAY_S = 86400 };

struct rollback {
	struct template *template;
	struct lineage *lineage;
	const struct template_generation *current, *target;
	uint64_t from;		     /* what is undone: from this generation back to the target */
	const struct digest *undone; /* NULL: no plan led from one to the other */
	int64_t until;
	const struct head *repeated; /* the rollback that is to end on another day; NULL: none */
};

static void rollback_free(struct rollback *rollback)
{
	lineage_free(rollback->lineage);
	template_free(rollback->template);
}

/* The head that made a generation, by its place in template->heads; n_heads when there is none. */
static size_t maker_of(const struct template *template, uint64_t generation)
{
	size_t i = 0;

	for (; i < template->n_heads; i++) {
		const struct head *head = template->heads[i].head;

		if (head && head->generation == generation &&
		    (head->kind == HEAD_COMMIT || head->kind == HEAD_IMPORT))
			break;
	}
	return i;
}

static int find_previous(struct rollback *rollback, struct error *err)
{
	const struct template *template = rollback->template;
	size_t maker = maker_of(template, rollback->current->number);
	const struct head *before =
		maker > 0 && maker < template->n_heads ? template->heads[maker - 1].head : NULL;

	if (!before)
		return error_set(err, ERROR_MISSING,
				 "generation %llu is the first: there is none before it",
				 (unsigned long long)rollback->current->number);
	rollback->target = template_find(template, (int64_t)before->generation, err);
	return rollback->target ? 0 : -1;
}

/* What is current is so because somebody went back to it: by this head, by its place in
 * template->heads; n_heads when nobody did. */
static size_t last_rollback(const struct template *template)
{
	for (size_t i = template->n_heads; i-- > 1;) {
		const struct head *head = template->heads[i].head;
		uint64_t undone;

		if (!head || head->kind == HEAD_HOLD || head->kind == HEAD_RELEASE)
			continue;
		if (head->kind == HEAD_ROLLBACK && template_undone(template, i, &undone) &&
		    undone > head->generation)
			return i;
		break;
	}
	return template->n_heads;
}

static int find_last_update(struct rollback *rollback, struct error *err)
{
	if (last_rollback(rollback->template) == rollback->template->n_heads)
		return find_previous(rollback, err);
	rollback->target = rollback->current;
	return 0;
}

static int find_numbered(struct rollback *rollback, const char *text, struct error *err)
{
	uint64_t number;

	if (!generation_number_parse(text, &number))
		return error_set(err, ERROR_USAGE, "--to %s: not the number of a generation", text);
	rollback->target = template_find(rollback->template, (int64_t)number, err);
	return rollback->target ? 0 : -1;
}

/* What a run made, or NULL. */
static const struct head *made_by_run(const struct template *template, const char *run)
{
	for (size_t i = 0; i < template->n_heads; i++) {
		const struct head *head = template->heads[i].head;

		if (head && (head->kind == HEAD_COMMIT || head->kind == HEAD_IMPORT) &&
		    !strcmp(head->run, run))
			return head;
	}
	return NULL;
}

static const struct template_head *unverified_head(const struct template *template)
{
	for (size_t i = 0; i < template->n_heads; i++)
		if (template->heads[i].problem || !template->heads[i].head)
			return &template->heads[i];
	return NULL;
}

static int refuse_not_made(const struct rollback *rollback, const char *run, struct error *err)
{
	const struct template_head *head = unverified_head(rollback->template);

	if (head)
		return error_set(err, ERROR_TRUST,
				 "whether run %s made a generation of it is not known: head %llu "
				 "does not verify; say with --to how far to go back",
				 run, (unsigned long long)head->number);
	return error_set(err, ERROR_MISSING, "run %s made no generation of it", run);
}

static int refuse_unknown(const struct rollback *rollback, const struct head *made,
			  const struct lineage_step *lost, struct error *err)
{
	return error_set(err, ERROR_TRUST,
			 "whether generation %llu was made of generation %llu, which is the run's, "
			 "is not known: generation %llu: %s; say with --to how far to go back",
			 (unsigned long long)rollback->current->number,
			 (unsigned long long)made->generation,
			 (unsigned long long)lost->generation->number, lineage_lost_why(lost));
}

/* The generation of the run may not be the current one any more: it is left as it is where it was
 * undone, and refused where something was made of it, or where nobody knows. */
static int find_before_run(struct rollback *rollback, const char *run, struct error *err)
{
	const struct head *made = made_by_run(rollback->template, run);
	unsigned long long current = rollback->current->number;
	struct lineage_way way;

	if (!made)
		return refuse_not_made(rollback, run, err);
	if (made->generation == rollback->current->number)
		return find_previous(rollback, err);
	way = lineage_distance(rollback->lineage, (int64_t)current, (int64_t)made->generation);
	if (way.lost)
		return refuse_unknown(rollback, made, way.lost, err);
	if (way.n)
		return error_set(err, ERROR_DENIED,
				 "generation %llu was made of generation %llu, which is the run's; "
				 "say with --to how far to go back",
				 current, (unsigned long long)made->generation);
	rollback->target = rollback->current;
	return 0;
}

/* The earliest: the one that would be made again first. */
static void find_undone(const struct coldpatch_session *session, struct rollback *rollback)
{
	const struct lineage *lineage = rollback->lineage;
	int64_t from = (int64_t)rollback->from;
	struct lineage_way way = lineage_apart(lineage, from, (int64_t)rollback->target->number);
	const struct lineage_step *step = lineage_step(lineage, from);

	for (size_t n = way.n; n; n--, step = lineage_step(lineage, step->before)) {
		const struct digest *plan = lineage_byproduct(step, "plan");

		if (plan)
			rollback->undone = plan;
	}
	if (way.lost)
		monitor_log(&session->monitor, LOG_LEVEL_WARNING,
			    "%s: not all that is undone is known, and apply refuses what is known "
			    "only: generation %llu: %s",
			    rollback->template->name,
			    (unsigned long long)way.lost->generation->number,
			    lineage_lost_why(way.lost));
}

/* The last head is followed even where its generation is damaged: going back is what helps then. */
static const struct template_generation *current_of(const struct template *template,
						    struct error *err)
{
	const struct template_head *last = template_last_head(template);
	const struct template_generation *current;

	if (!last || !last->head || last->problem) {
		error_set(err, ERROR_TRUST, "last head: %s",
			  last && last->problem ? last->problem : "there is none");
		return NULL;
	}
	current = template_generation_numbered(template, last->head->generation);
	if (!current)
		error_set(err, ERROR_TRUST, "generation %llu, which is current, is not there",
			  (unsigned long long)last->head->generation);
	return current;
}

/* Somebody is there already, and says until when: is that what stands? */
static void find_repeated(struct rollback *rollback)
{
	const struct template *template = rollback->template;
	size_t last = last_rollback(template);
	const struct head *head;

	if (rollback->target != rollback->current || last == template->n_heads)
		return;
	head = template->heads[last].head;
	if (template_is_held_by_rollback(template, last, time(NULL)) &&
	    head->until / DAY_S == rollback->until / DAY_S)
		return;
	rollback->repeated = head;
	template_undone(template, last, &rollback->from);
}

static int look(struct coldpatch_session *session, const char *name,
		const struct coldpatch_head_options *options, struct rollback *rollback,
		struct error *err)
{
	int found;

	rollback->template = session_template(session, name, err);
	if (!rollback->template)
		return -1;
	rollback->current = current_of(rollback->template, err);
	if (!rollback->current)
		return -1;
	rollback->lineage = lineage_new(rollback->template, session->keys);
	found = options->run  ? find_before_run(rollback, options->run, err)
		: options->to ? find_numbered(rollback, options->to, err)
			      : find_last_update(rollback, err);
	if (found < 0 || until_parse(options->until ? options->until : DEFAULT_UNTIL, time(NULL),
				     &rollback->until, err) < 0)
		return -1;
	rollback->from = rollback->current->number;
	if (options->until)
		find_repeated(rollback);
	find_undone(session, rollback);
	return 0;
}

static int publish(struct coldpatch_session *session, const char *name, const char *run,
		   const struct coldpatch_head_options *options, const struct rollback *rollback,
		   struct error *err)
{
	struct head_draft draft = {
		.name = name,
		.template = rollback->template,
		.kind = HEAD_ROLLBACK,
		.generation = rollback->target->number,
		.record = rollback->target->record,
		.record_digest = rollback->target->digest,
		.run = run,
		.actor = options->actor,
		.reason = options->reason,
		.undone = rollback->undone,
		.until = rollback->until,
	};

	if (rollback->repeated && !draft.reason)
		draft.reason = rollback->repeated->reason;
	draft.key = session_signing_key(session, options->key, err);
	return draft.key ? head_publish(session, &draft, err) : -1;
}

static char *message(const struct rollback *rollback, const struct coldpatch_head_options *options)
{
	unsigned long long from = rollback->from, to = rollback->target->number;
	time_t until = (time_t)rollback->until;
	char day[16] = "";
	struct tm utc;

	if (rollback->target != rollback->current)
		return xasprintf("%s from generation %llu to %llu",
				 options->dry_run ? "would go back" : "went back", from, to);
	if (!rollback->repeated)
		return xasprintf("is at generation %llu already%s", to,
				 options->run || options->to ? "" : "; --to goes back further");
	if (gmtime_r(&until, &utc))
		strftime(day, sizeof day, "%Y-%m-%d", &utc);
	return xasprintf("is at generation %llu already; what was undone from generation %llu %s "
			 "refused until %s",
			 to, from, options->dry_run ? "would be" : "is", day);
}

static int roll_back_one(struct coldpatch_session *session, const char *name, const char *run,
			 const void *opaque, json_t **ret, struct error *err)
{
	const struct coldpatch_head_options *options = opaque;
	__attribute__((cleanup(rollback_free))) struct rollback rollback = {0};
	CLEANUP_FREE char *msg = NULL;
	bool changes;

	if (!options->dry_run && template_prepare_change(session, name, err) < 0)
		return -1;
	if (look(session, name, options, &rollback, err) < 0)
		return -1;
	changes = rollback.target != rollback.current || rollback.repeated;
	if (changes && !options->dry_run &&
	    publish(session, name, run, options, &rollback, err) < 0)
		return -1;
	msg = message(&rollback, options);
	*ret = change_summary(run, name, changes && !options->dry_run, msg, rollback.target,
			      rollback.undone);
	return 0;
}

/* The templates of which the run made a generation, and those of which nobody can tell: they fail
 * when it is their turn. */
static int names_of_run(struct coldpatch_session *session, const char *run, char ***ret,
			size_t *ret_n, struct error *err)
{
	const struct library *library = session_library(session, err);
	char **all = NULL;
	size_t n_all = 0;

	if (!library || library_list_templates(library, &all, &n_all, err) < 0)
		return -1;
	for (size_t i = 0; i < n_all; i++) {
		struct error ignored = {0};
		CLEANUP(template_free)
		struct template *template = session_template(session, all[i], &ignored);

		if (!template || made_by_run(template, run) || unverified_head(template) ||
		    template_lost_heads(template))
			*ARRAY_ADD(*ret, *ret_n) = xstrdup(all[i]);
	}
	names_free(all, n_all);
	if (*ret_n)
		return 0;
	return error_set(err, ERROR_MISSING, "run %s made no generation of any template", run);
}

static int check_options(const struct coldpatch_head_options *options, struct error *err)
{
	const char *const strings[] = {options->run, options->actor, options->reason};
	int64_t ignored;

	if (strings_check(strings, 3, "option", err) < 0 ||
	    strings_check(options->names, options->n_names, "template", err) < 0)
		return -1;
	if (options->run && (options->n_names || options->to))
		return error_set(err, ERROR_USAGE, "either a run, or templates and how far");
	return options->until ? until_parse(options->until, time(NULL), &ignored, err) : 0;
}

static int roll_back(struct coldpatch_session *session,
		     const struct coldpatch_head_options *options, json_t **ret, struct error *err)
{
	char **names = NULL;
	size_t n = 0;
	int outcome;

	if (check_options(options, err) < 0)
		return -1;
	if (!options->run)
		return template_each(session, options->names, options->n_names, roll_back_one,
				     options, options->dry_run, ret, err);
	if (names_of_run(session, options->run, &names, &n, err) < 0)
		return -1;
	outcome = template_each(session, (const char *const *)names, n, roll_back_one, options,
				options->dry_run, ret, err);
	names_free(names, n);
	return outcome;
}

int coldpatch_template_rollback(struct coldpatch_session *session,
				const struct coldpatch_head_options *options, char **ret_json,
				struct coldpatch_error *ret_err)
{
	CLEANUP_JSON json_t *json = NULL;
	struct error err = {0};

	if (roll_back(session, options, &json, &err) < 0)
		return template_each_fail(session, ret_err, &err);
	*ret_json = session_text(json);
	return 0;
}
