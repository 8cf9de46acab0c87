/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds are heads: who, why and until when is signed, and the current generation stays what it is.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "session/change_summary.h"
#include "session/library_head.h"
#include "session/library_undone.h"
#include "session/strings.h"
#include "session/template_each.h"
#include "session/until.h"

struct wish {
	const struct coldpatch_head_options *options;
	enum head_kind kind; /* HEAD_HOLD or HEAD_RELEASE */
	int64_t until;	     /* 0: none */
};

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

/* A rollback's hold is against what it undid only.  What that was may not be known now, as while a
 * record is damaged, and is held against again when it is. */
static bool is_held_by_rollback(const struct template *template, int64_t now)
{
	for (size_t i = 0; i < template->n_heads; i++)
		if (template_is_held_by_rollback(template, i, now))
			return true;
	return false;
}

/* The requested state holds already. */
static bool is_so(const struct wish *wish, const struct template *template)
{
	int64_t now = time(NULL);
	const struct head *hold = template_hold(template, now);

	if (wish->kind == HEAD_RELEASE)
		return !hold && !is_held_by_rollback(template, now);
	return hold && hold->until == wish->until && same_text(hold->reason, wish->options->reason);
}

/* "1, 3": from which generations rollbacks went back whose holds are in force; NULL: none. */
static char *undone_list(const struct template *template, const struct lineage *lineage,
			 int64_t now)
{
	CLEANUP_BUFFER struct buffer list = {0};

	for (size_t i = 0; i < template->n_heads; i++) {
		uint64_t undone;

		if (undone_by(template, lineage, i, now, &undone))
			buffer_printf(&list, "%s%" PRIu64, list.len ? ", " : "", undone);
	}
	return list.len ? buffer_steal(&list) : NULL;
}

/* What a release lets in, and what it does not. */
static char *released(struct template *template, const struct record_keys *keys, bool dry_run)
{
	int64_t now = time(NULL);
	CLEANUP(lineage_free)
	struct lineage *lineage = lineage_new(template, keys);
	CLEANUP_FREE char *undone = undone_list(template, lineage, now);
	const char *words = dry_run ? "would be released" : "released";

	if (!undone)
		return xstrdup(words);
	if (template_hold(template, now))
		return xasprintf("%s; what was undone from generation %s is refused as before, "
				 "and let in by another unhold",
				 words, undone);
	return xasprintf("%s; what was undone from generation %s may come again", words, undone);
}

static char *message(const struct coldpatch_session *session, const struct wish *wish,
		     struct template *template, bool changes)
{
	if (wish->kind == HEAD_RELEASE)
		return changes ? released(template, session->keys, wish->options->dry_run)
			       : xstrdup("is not held");
	return xstrdup(!changes			? "is held already"
		       : wish->options->dry_run ? "would be held"
						: "held");
}

static int publish(struct coldpatch_session *session, const struct template *template,
		   const struct template_generation *current, const struct wish *wish,
		   const char *run, struct error *err)
{
	struct head_draft draft = {
		.name = template->name,
		.template = template,
		.kind = wish->kind,
		.generation = current->number,
		.record = current->record,
		.record_digest = current->digest,
		.run = run,
		.actor = wish->options->actor,
		.reason = wish->options->reason,
		.until = wish->until,
	};

	draft.key = session_signing_key(session, wish->options->key, err);
	return draft.key ? head_publish(session, &draft, err) : -1;
}

static int hold_one(struct coldpatch_session *session, const char *name, const char *run,
		    const void *opaque, json_t **ret, struct error *err)
{
	const struct wish *wish = opaque;
	bool dry_run = wish->options->dry_run, changes;
	const struct template_generation *current;
	CLEANUP(template_free)
	struct template *template = NULL;
	CLEANUP_FREE char *msg = NULL;

	if (!dry_run && template_prepare_change(session, name, err) < 0)
		return -1;
	template = session_template(session, name, err);
	current = template ? template_find(template, -1, err) : NULL;
	if (!current)
		return -1;
	changes = !is_so(wish, template);
	if (changes && !dry_run && publish(session, template, current, wish, run, err) < 0)
		return -1;
	msg = message(session, wish, template, changes);
	*ret = change_summary(run, name, changes && !dry_run, msg, current, NULL);
	return 0;
}

static int check_options(const struct coldpatch_head_options *options, struct error *err)
{
	const char *const strings[] = {options->actor, options->reason};

	if (options->run || options->to)
		return error_set(err, ERROR_USAGE, "a run or a generation is for rollback");
	if (strings_check(strings, 2, "option", err) < 0)
		return -1;
	return strings_check(options->names, options->n_names, "template", err);
}

static int hold(struct coldpatch_session *session, const struct coldpatch_head_options *options,
		enum head_kind kind, json_t **ret, struct error *err)
{
	struct wish wish = {options, kind, 0};

	if (check_options(options, err) < 0)
		return -1;
	if (kind == HEAD_HOLD && (!options->reason || !*options->reason))
		return error_set(err, ERROR_USAGE,
				 "a hold needs its reason, for those who meet it");
	if (options->until && until_parse(options->until, time(NULL), &wish.until, err) < 0)
		return -1;
	return template_each(session, options->names, options->n_names, hold_one, &wish,
			     options->dry_run, ret, err);
}

static int serve(struct coldpatch_session *session, const struct coldpatch_head_options *options,
		 enum head_kind kind, char **ret_json, struct coldpatch_error *ret_err)
{
	CLEANUP_JSON json_t *json = NULL;
	struct error err = {0};

	if (hold(session, options, kind, &json, &err) < 0)
		return template_each_fail(session, ret_err, &err);
	*ret_json = session_text(json);
	return 0;
}

int coldpatch_template_hold(struct coldpatch_session *session,
			    const struct coldpatch_head_options *options, char **ret_json,
			    struct coldpatch_error *ret_err)
{
	return serve(session, options, HEAD_HOLD, ret_json, ret_err);
}

int coldpatch_template_unhold(struct coldpatch_session *session,
			      const struct coldpatch_head_options *options, char **ret_json,
			      struct coldpatch_error *ret_err)
{
	return serve(session, options, HEAD_RELEASE, ret_json, ret_err);
}
