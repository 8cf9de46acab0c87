/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/library_head.h"

#include <ctype.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "library/commit.h"
#include "library/trash.h"
#include "session/image.h"
#include "session/library_publish.h"
#include "session/strings.h"

enum { DAY_S = 86400, MAX_DAYS = 36500 };

static struct head *make_head(const struct head_draft *draft)
{
	const struct template_head *last =
		draft->template ? template_last_head(draft->template) : NULL;
	struct head *head = xcalloc(1, sizeof *head);

	head->kind = draft->kind;
	head->template_name = xstrdup(draft->name);
	head->number = last ? last->number + 1 : 1;
	head->generation = draft->generation;
	head->record = draft->record_digest;
	head->has_previous = last;
	if (last)
		head->previous = last->digest;
	head->run = xstrdup(draft->run);
	head->actor = draft->actor ? xstrdup(draft->actor) : NULL;
	head->reason = draft->reason ? xstrdup(draft->reason) : NULL;
	head->time = time(NULL);
	head->until = draft->until;
	head->has_undone = draft->undone;
	if (draft->undone)
		head->undone_plan = *draft->undone;
	return head;
}

static int sign_and_append(struct coldpatch_session *session, const struct head_draft *draft,
			   const struct head *head, const char *staged, struct error *err)
{
	const struct template_head *last =
		draft->template ? template_last_head(draft->template) : NULL;
	CLEANUP_FREE char *signer = session_program(session, "coldpatch-sign");
	const struct head_sign_request request = {
		.signer = signer,
		.key_path = draft->key,
		.record_path = draft->record,
		.previous_path = last ? last->path : NULL,
		.monitor = &session->monitor,
	};

	CLEANUP(head_free)
	struct head *made = NULL;
	const struct record_keys *keys;

	if (head_sign(head, &request, staged, err) < 0)
		return error_prefix(err, "head");
	/* One that nobody here could verify would be the end of the template. */
	keys = session_keys(session, err);
	made = keys ? head_read(staged, keys, NULL, err) : NULL;
	if (!made)
		return error_prefix(err, "head not published");
	return heads_append(session->library, draft->name, head->number, staged, err);
}

int head_publish(struct coldpatch_session *session, const struct head_draft *draft,
		 struct error *err)
{
	CLEANUP(head_free)
	struct head *head = make_head(draft);
	CLEANUP_FREE char *staged = heads_staged_path(session->library, draft->name, draft->run);
	int outcome = sign_and_append(session, draft, head, staged, err);
	struct error problem = {0};

	unlink(staged);
	if (outcome < 0)
		return -1;
	/* Prune may have been faster than the head: whoever comes second sees the other. */
	if (trash_take_back(session->library, draft->name, draft->generation, &problem) < 0)
		monitor_log(&session->monitor, LOG_LEVEL_WARNING, "%s: generation %llu: %s",
			    draft->name, (unsigned long long)draft->generation, problem.msg);
	/* The head is there: what is derived from it is put right by the next command, too. */
	if (current_mend(session->library, draft->name, draft->generation, &problem) < 0)
		monitor_log(&session->monitor, LOG_LEVEL_WARNING, "%s: current: %s", draft->name,
			    problem.msg);
	library_publish(session, draft->name);
	return 0;
}

static bool parse_days(const char *text, int64_t now, int64_t *ret)
{
	char *end;
	long days;

	if (!isdigit((unsigned char)*text))
		return false;
	days = strtol(text, &end, 10);
	if (strcmp(end, "d") != 0 || days < 1 || days > MAX_DAYS)
		return false;
	*ret = now + (int64_t)days * DAY_S;
	return true;
}

static bool parse_date(const char *text, int64_t *ret)
{
	static const char shape[] = "0000-00-00";
	struct tm day = {0}, again;
	time_t start;

	for (size_t i = 0; i < sizeof shape; i++)
		if (shape[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
			return false;
	if (!strptime(text, "%Y-%m-%d", &day))
		return false;
	start = timegm(&day);
	if (!gmtime_r(&start, &again) || again.tm_mday != atoi(text + 8))
		return false;
	*ret = (int64_t)start + DAY_S;
	return true;
}

int until_parse(const char *text, int64_t now, int64_t *ret, struct error *err)
{
	int64_t until;

	if (!parse_days(text, now, &until) && !parse_date(text, &until))
		return error_set(err, ERROR_USAGE,
				 "until %s: neither a day, YYYY-MM-DD, nor a number of days, 30d",
				 text);
	if (until <= now)
		return error_set(err, ERROR_USAGE, "until %s: has passed", text);
	*ret = until;
	return 0;
}

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

static bool starts_with_name(const char *msg, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(msg, name, len) && msg[len] == ':';
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
	if (!starts_with_name(error.msg, name))
		error_prefix(&error, "%s", name);
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

int template_each(struct coldpatch_session *session, const char *const *names, size_t n,
		  template_action *action, const void *options, bool dry_run, json_t **ret,
		  struct error *err)
{
	const struct each each = {action, options, dry_run};
	CLEANUP_FREE char *run = run_id_new();
	CLEANUP_FREE const char **once = strings_once(names, n, &n);

	if (n == 0)
		return error_set(err, ERROR_USAGE, "no template was named");
	if (n == 1)
		return do_only(session, once[0], run, &each, ret, err);
	*ret = do_each(session, once, n, run, &each);
	return 0;
}
