/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prune, template by template: look who depends on what, decide, move to the trash from the top of
 * each chain down, look again.  Who depends is looked for before all, to find out what may go, and
 * once more under the lease before anything does: an apply may have come and gone.  Then what
 * nothing needs any more: bases, layers, plans, old trash and old runs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "library/commit.h"
#include "library/retention.h"
#include "library/trash.h"
#include "session/change_summary.h"
#include "session/image.h"
#include "session/library_lineage.h"
#include "session/library_prune.h"
#include "session/library_publish.h"
#include "session/strings.h"
#include "session/until.h"

static int parse_within(const char *text, int64_t *ret, struct error *err)
{
	if (!text || until_parse_days(text, ret))
		return 0;
	return error_set(err, ERROR_USAGE, "keep within %s: not a number of days, 90d", text);
}

/* --- who depends on what --- */

bool prune_goes_on(struct pruning *pruning, const struct error *problem)
{
	if (!pruning->dry_run || (problem->os_errno != EACCES && problem->os_errno != EPERM))
		return false;
	json_array_append_new(pruning->unread, json_bytes(problem->msg));
	return true;
}

/* A file of which nobody knows what it needs may need anything.  Of what a dry run may not read
 * somebody else may know. */
static int check_known(struct pruning *pruning, struct error *err)
{
	const struct clones *clones = &pruning->clones;
	const struct clone_unknown *first = NULL;
	CLEANUP_FREE char *more = NULL;
	size_t n = 0;

	for (size_t i = 0; i < clones->n_unknown; i++) {
		const struct clone_unknown *one = &clones->unknown[i];
		struct error problem = {.os_errno = one->denied ? EACCES : 0};

		snprintf(problem.msg, sizeof problem.msg, "%s: %s", one->path, one->why);
		if (prune_goes_on(pruning, &problem))
			continue;
		n++;
		first = first ? first : one;
	}
	if (n == 0)
		return 0;
	more = n > 1 ? xasprintf(" (and %zu more; status names them)", n - 1) : xstrdup("");
	return error_set(err, ERROR_DENIED,
			 "%s%s: %s: what it is backed by is not known, so nothing is pruned; make "
			 "it readable, or take it out of the clone roots",
			 first->path, more, first->why);
}

static int find_clones(struct pruning *pruning, struct error *err)
{
	struct clones found = {0};

	if (library_clones(pruning->session, &found, err) < 0)
		return -1;
	clones_free(&pruning->clones);
	pruning->clones = found;
	return 0;
}

int prune_look(struct pruning *pruning, struct error *err)
{
	return find_clones(pruning, err) < 0 ? -1 : check_known(pruning, err);
}

/* What is backed by a generation that a killed prune took: 1 when one came back. */
static int take_back_used(const struct pruning *pruning, const struct clone_use *use,
			  struct error *err)
{
	CLEANUP_FREE char *disk = NULL;

	if (use->target != CLONE_OF_GENERATION || use->place == CLONE_IN_TRASH ||
	    use->place == CLONE_BEING_MADE)
		return 0;
	disk = library_path(pruning->library, "templates/%s/%" PRIu64 "/disk0.qcow2",
			    use->template_name, use->number);
	if (access(disk, F_OK) == 0 || template_is_leased(pruning->library, use->template_name))
		return 0;
	if (trash_take_back_left(pruning->library, use->template_name, use->number, err) < 0)
		return -1;
	return access(disk, F_OK) == 0;
}

/* The first look, after which nothing is missing that is there. */
static int look_first(struct pruning *pruning, struct error *err)
{
	struct error problem = {0};
	bool again = false;

	if (find_clones(pruning, err) < 0)
		return -1;
	for (size_t i = 0; !pruning->dry_run && i < pruning->clones.n_uses; i++) {
		int back = take_back_used(pruning, &pruning->clones.uses[i], err);

		if (back < 0)
			return -1;
		again = again || back;
	}
	if (again && find_clones(pruning, err) < 0)
		return -1;
	if (!pruning->dry_run)
		prune_recover_bases(pruning, &problem);
	/* A trash that is closed is told here, and what that means. */
	if (check_known(pruning, err) < 0)
		return -1;
	if (problem.kind)
		*err = problem;
	return problem.kind ? -1 : 0;
}

/* --- one template --- */

static json_t *item_to_json(const struct retention_item *item)
{
	json_t *json = json_object();

	json_put_u64(json, "generation", item->number);
	json_put_bool(json, "taken", item->taken);
	json_put_bytes(json, "reason", item->reason);
	json_put_u64(json, "bytes", item->bytes);
	return json;
}

static json_t *retention_to_json(const char *name, const struct retention_plan *plan)
{
	json_t *json = json_object(), *list = json_array();

	for (size_t i = 0; i < plan->n_items; i++)
		json_array_append_new(list, item_to_json(&plan->items[i]));
	json_put_string(json, "template", name);
	json_put_bool(json, "failed", false);
	json_put(json, "generations", list);
	return json;
}

static void keep_after_all(struct retention_item *item, const char *why)
{
	item->taken = false;
	free(item->reason);
	item->reason = xstrdup(why);
}

/* The plan tells what was taken, also when not all was. */
static int take(const struct pruning *pruning, struct retention_plan *plan, bool *ret_any,
		struct error *err)
{
	int result = 0;

	*ret_any = false;
	for (size_t i = plan->n_items; i-- > 0;) {
		struct retention_item *item = &plan->items[i];
		const struct trash_order order = {.run = pruning->run,
						  .name = plan->template_name,
						  .number = item->number,
						  .below = item->below,
						  .n_below = item->n_below};

		bool taken = false;

		if (!item->taken)
			continue;
		if (result == 0)
			result = trash_take_generation(pruning->library, &order, &taken, err);
		if (!taken)
			keep_after_all(item, "prune failed before it was taken");
		*ret_any = *ret_any || taken;
	}
	return result;
}

static int put_back(const struct pruning *pruning, const struct retention_plan *plan,
		    struct retention_item *item, const char *why, struct error *err)
{
	if (trash_take_back(pruning->library, plan->template_name, item->number, err) < 0)
		return -1;
	keep_after_all(item, why);
	return 0;
}

static int put_back_needed(const struct pruning *pruning, struct retention_plan *plan,
			   struct error *err)
{
	CLEANUP(template_free)
	struct template *now = session_template(pruning->session, plan->template_name, err);

	if (!now)
		return -1;
	for (size_t i = 0; i < plan->n_items; i++) {
		struct retention_item *item = &plan->items[i];

		if (item->taken &&
		    (retention_is_needed(now, plan, item) ||
		     retention_is_used(now, plan, item, &pruning->clones)) &&
		    put_back(pruning, plan, item, "came into use meanwhile", err) < 0)
			return -1;
	}
	return 0;
}

static int put_back_all(const struct pruning *pruning, struct retention_plan *plan,
			struct error *err)
{
	for (size_t i = 0; i < plan->n_items; i++)
		if (plan->items[i].taken && put_back(pruning, plan, &plan->items[i],
						     "may have come into use meanwhile", err) < 0)
			return -1;
	return 0;
}

/* Somebody may have wanted one just before it was moved.  What lies on a base that is gone with it
 * tells so only when it is back. */
static int look_again(struct pruning *pruning, struct retention_plan *plan, struct error *err)
{
	struct error problem = {0};

	if (prune_look(pruning, &problem) == 0)
		return put_back_needed(pruning, plan, err);
	return put_back_all(pruning, plan, err) < 0 ? -1 : prune_look(pruning, err);
}

static int decide(const struct pruning *pruning, const char *name, struct retention_plan *plan,
		  struct error *err)
{
	CLEANUP(template_free)
	struct template *template = session_template(pruning->session, name, err);
	CLEANUP(lineage_free)
	struct lineage *lineage = template ? lineage_new(template, pruning->session->keys) : NULL;

	/* The records may tell of a generation that it is damaged. */
	if (!lineage)
		return -1;
	return retention_plan_new(pruning->library, template, &pruning->clones, &pruning->rules,
				  plan, err);
}

static bool takes_any(const struct retention_plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++)
		if (plan->items[i].taken)
			return true;
	return false;
}

/* Decided on what was seen before the lease, and, when something would go, on what is there now. */
static int decide_leased(struct pruning *pruning, const char *name, struct retention_plan *plan,
			 struct error *err)
{
	if (decide(pruning, name, plan, err) < 0)
		return -1;
	if (!takes_any(plan))
		return 0;
	retention_plan_free(plan);
	return prune_look(pruning, err) < 0 ? -1 : decide(pruning, name, plan, err);
}

/* What a prune before this one left in the trash. */
static int take_back_needed(const struct pruning *pruning, const char *name, struct error *err)
{
	CLEANUP(template_free)
	struct template *template = session_template(pruning->session, name, err);

	return template ? template_take_back(pruning->library, template, err) : -1;
}

static int prune_leased(struct pruning *pruning, const char *name, struct retention_plan *plan,
			struct error *err)
{
	CLEANUP(owner_file_free)
	struct owner_file *lease = template_lease(pruning->library, name, pruning->run, err);
	const struct record_keys *keys = session_keys(pruning->session, err);
	bool taken;
	int result;

	if (!lease || !keys || template_recover(pruning->library, name, keys, err) < 0 ||
	    take_back_needed(pruning, name, err) < 0 || decide_leased(pruning, name, plan, err) < 0)
		return -1;
	result = take(pruning, plan, &taken, err);
	pruning->changed = pruning->changed || taken;
	if (taken && look_again(pruning, plan, err) < 0)
		return -1;
	/* Also what could not be removed there the last time. */
	library_publish(pruning->session, name);
	return result;
}

static void put_failure(json_t *told, const struct error *error)
{
	char text[ERROR_TEXT_SIZE];

	error_text(error, text);
	json_put_bool(told, "failed", true);
	json_put_u64(told, "code", error->kind);
	json_put_string(told, "msg", text);
}

static void keep_outcome(const struct pruning *pruning, const char *name, const json_t *told,
			 const struct error *error)
{
	library_keep_outcome(pruning->library, pruning->run, name, told, NULL);
	if (error)
		library_keep_outcome(pruning->library, pruning->run, name, NULL, error);
}

static void prune_template(struct pruning *pruning, const char *name)
{
	CLEANUP_RETENTION_PLAN struct retention_plan plan = {0};
	struct error error = {0};
	json_t *told;
	int result = pruning->dry_run ? decide(pruning, name, &plan, &error)
				      : prune_leased(pruning, name, &plan, &error);

	told = retention_to_json(name, &plan);
	if (result < 0) {
		put_failure(told, &error);
		pruning->n_failed++;
		pruning->error = error;
	}
	if (!pruning->dry_run)
		keep_outcome(pruning, name, told, result < 0 ? &error : NULL);
	json_array_append_new(pruning->templates, told);
}

static int prune_templates(struct pruning *pruning, const char *const *names, size_t n,
			   struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (monitor_check(&pruning->session->monitor, err) < 0)
			return -1;
		prune_template(pruning, names[i]);
	}
	if (pruning->n_failed == 0 || n > 1)
		return 0;
	*err = pruning->error;
	return error_name(err, names[0]);
}

static int prune_named(struct pruning *pruning, const struct coldpatch_prune_options *options,
		       struct error *err)
{
	char **names = NULL;
	size_t n = 0;
	int result;

	if (options->n_names) {
		CLEANUP_FREE const char **once = strings_once(options->names, options->n_names, &n);

		return prune_templates(pruning, once, n, err);
	}
	if (library_list_templates(pruning->library, &names, &n, err) < 0)
		return -1;
	result = prune_templates(pruning, (const char *const *)names, n, err);
	names_free(names, n);
	return result;
}

/* --- all --- */

void prune_tell(struct pruning *pruning, const char *what, const char *name)
{
	json_t *json = json_object();

	json_put_string(json, "what", what);
	json_put_bytes(json, "name", name);
	json_array_append_new(pruning->removed, json);
	pruning->changed = pruning->changed || !pruning->dry_run;
}

static json_t *summarise(const struct pruning *pruning,
			 const struct coldpatch_prune_options *options)
{
	json_t *json = json_object();
	bool failed = pruning->cut_short || pruning->n_failed > 0;
	char text[ERROR_TEXT_SIZE];

	error_text(&pruning->error, text);
	summary_of_none(json);
	json_put_string(json, "run", pruning->run);
	json_put_bool(json, "changed", pruning->changed);
	json_put_bool(json, "failed", failed);
	json_put_u64(json, "code", failed ? COLDPATCH_SOME_FAILED : COLDPATCH_OK);
	json_put_string(json, "msg",
			pruning->cut_short ? text
			: failed	   ? "some failed"
			: pruning->dry_run ? "would be pruned"
					   : "pruned");
	json_put_bool(json, "dry_run", pruning->dry_run);
	json_put_bytes(json, "actor", options->actor);
	json_put_bytes(json, "reason", options->reason);
	json_put(json, "templates", json_incref(pruning->templates));
	json_put(json, "removed", json_incref(pruning->removed));
	json_put(json, "unread", json_incref(pruning->unread));
	return json;
}

/* All of them, before anything is taken. */
static int check_names(const struct coldpatch_prune_options *options, struct error *err)
{
	if (strings_check(options->names, options->n_names, "template", err) < 0)
		return -1;
	for (size_t i = 0; i < options->n_names; i++)
		if (template_name_check(options->names[i], err) < 0)
			return -1;
	return 0;
}

static int prune(struct pruning *pruning, const struct coldpatch_prune_options *options,
		 struct error *err)
{
	const char *const strings[] = {options->actor, options->reason, options->keep_within};
	struct error problem = {0};
	int expired;

	if (strings_check(strings, 3, "option", err) < 0 || check_names(options, err) < 0 ||
	    parse_within(options->keep_within, &pruning->rules.keep_within_s, err) < 0)
		return -1;
	pruning->rules.keep_last = options->keep_last;
	pruning->library = session_library(pruning->session, err);
	if (!pruning->library || !session_keys(pruning->session, err) ||
	    (!pruning->dry_run && library_recover(pruning->library, err) < 0) ||
	    look_first(pruning, err) < 0)
		return -1;
	/* What makes room comes first: all else writes, if only a lease.  It is no condition. */
	expired = prune_expired(pruning, &problem);
	if (prune_named(pruning, options, err) < 0 || prune_unneeded(pruning, err) < 0)
		return -1;
	if (expired < 0)
		*err = problem;
	return expired;
}

static void pruning_free(struct pruning *pruning)
{
	clones_free(&pruning->clones);
	json_decref(pruning->templates);
	json_decref(pruning->removed);
	json_decref(pruning->unread);
	free(pruning->run);
}

int coldpatch_library_prune(struct coldpatch_session *session,
			    const struct coldpatch_prune_options *options, char **ret_json,
			    struct coldpatch_error *ret_err)
{
	__attribute__((cleanup(pruning_free))) struct pruning pruning = {
		.session = session,
		.dry_run = options->dry_run,
		.run = run_id_new(),
		.templates = json_array(),
		.removed = json_array(),
		.unread = json_array(),
		.rules.now = time(NULL),
	};
	CLEANUP_JSON json_t *summary = NULL;
	struct error err = {0};

	pruning.cut_short = prune(&pruning, options, &err) < 0;
	if (pruning.cut_short && !pruning.changed)
		return session_fail_change(ret_err, &err, pruning.run,
					   options->n_names == 1 ? options->names[0] : NULL, NULL);
	if (pruning.cut_short)
		pruning.error = err;
	summary = summarise(&pruning, options);
	if (!options->dry_run && (pruning.changed || pruning.n_failed))
		library_keep_outcome(pruning.library, pruning.run, ".", summary, NULL);
	*ret_json = session_text(summary);
	return 0;
}
