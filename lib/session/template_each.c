/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/template_each.h"

#include <string.h>

#include "session/change_summary.h"
#include "session/image.h"
#include "session/strings.h"

static json_t *failure_summary(const char *run, const char *name, const struct error *error)
{
	json_t *summary = change_summary(run, name, false, NULL, NULL, NULL);
	char text[ERROR_TEXT_SIZE];

	error_text(error, text);
	json_put_bool(summary, "failed", true);
	json_put_u64(summary, "code", error->kind);
	json_put_string(summary, "error", error_kind_name(error->kind));
	json_put_string(summary, "msg", text);
	return summary;
}

struct each {
	template_action *action;
	const void *options;
	bool dry_run;
};

static int do_one(struct coldpatch_session *session, const char *name, const char *run,
		  const struct each *each, json_t **ret, struct error *err)
{
	struct error error = {0};
	json_t *summary = NULL;

	if (each->action(session, name, run, each->options, &summary, &error) == 0) {
		if (!each->dry_run)
			library_keep_outcome(session->library, run, name, summary, NULL);
		*ret = summary;
		return 0;
	}
	if (!each->dry_run && session->library && error.kind != ERROR_USAGE &&
	    error.kind != ERROR_MISSING)
		library_keep_outcome(session->library, run, name, NULL, &error);
	error_name(&error, name);
	*err = error;
	return -1;
}

static json_t *all_summary(const char *run, json_t *results)
{
	json_t *summary = json_object();
	const json_t *result;
	bool changed = false, failed = false;
	size_t i;

	json_array_foreach(results, i, result)
	{
		changed |= json_is_true(json_object_get(result, "changed"));
		failed |= json_is_true(json_object_get(result, "failed"));
	}
	summary_of_none(summary);
	json_put_string(summary, "run", run);
	json_put_bool(summary, "changed", changed);
	json_put_bool(summary, "failed", failed);
	json_put_u64(summary, "code", failed ? COLDPATCH_SOME_FAILED : COLDPATCH_OK);
	json_put_string(summary, "msg", failed ? "some failed" : "done");
	json_put(summary, "results", results);
	return summary;
}

static json_t *do_each(struct coldpatch_session *session, const char *const *names, size_t n,
		       const char *run, const struct each *each)
{
	json_t *results = json_array();

	for (size_t i = 0; i < n; i++) {
		struct error error = {0};
		json_t *summary = NULL;

		if (monitor_check(&session->monitor, &error) < 0 ||
		    do_one(session, names[i], run, each, &summary, &error) < 0)
			summary = failure_summary(run, names[i], &error);
		json_array_append_new(results, summary);
	}
	return all_summary(run, results);
}

static int do_only(struct coldpatch_session *session, const char *name, const char *run,
		   const struct each *each, json_t **ret, struct error *err)
{
	if (do_one(session, name, run, each, ret, err) == 0)
		return 0;
	session->change_run = xstrdup(run);
	session->change_name = xstrdup(name);
	return -1;
}

int template_each_fail(struct coldpatch_session *session, struct coldpatch_error *ret,
		       const struct error *err)
{
	CLEANUP_FREE char *run = steal(session->change_run);
	CLEANUP_FREE char *name = steal(session->change_name);

	return session_fail_change(ret, err, run, name, NULL);
}

int template_each_listed(struct coldpatch_session *session, const char *const *names, size_t n,
			 template_action *action, const void *options, bool dry_run, json_t **ret,
			 struct error *err)
{
	const struct each each = {action, options, dry_run};
	CLEANUP_FREE char *run = run_id_new();

	if (n == 0)
		return error_set(err, ERROR_USAGE, "no template was named");
	if (n == 1)
		return do_only(session, names[0], run, &each, ret, err);
	*ret = do_each(session, names, n, run, &each);
	return 0;
}

int template_each(struct coldpatch_session *session, const char *const *names, size_t n,
		  template_action *action, const void *options, bool dry_run, json_t **ret,
		  struct error *err)
{
	CLEANUP_FREE const char **once = strings_once(names, n, &n);

	return template_each_listed(session, once, n, action, options, dry_run, ret, err);
}
