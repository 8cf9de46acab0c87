/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/library_head.h"

#include <time.h>
#include <unistd.h>

#include "library/commit.h"
#include "library/trash.h"
#include "session/library_publish.h"

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

json_t *hold_to_json(const struct head *hold)
{
	json_t *json;

	if (!hold)
		return json_null();
	json = json_object();
	json_put_bytes(json, "actor", hold->actor);
	json_put_bytes(json, "reason", hold->reason);
	json_put(json, "since", json_integer(hold->time));
	json_put(json, "until", hold->until ? json_integer(hold->until) : json_null());
	return json;
}
