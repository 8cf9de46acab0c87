/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs that only add a head have in common: one head, for one or several templates. */
#ifndef COLDPATCH_SESSION_LIBRARY_HEAD_H
#define COLDPATCH_SESSION_LIBRARY_HEAD_H

#include "session/library.h"

/* The next head of a template. */
struct head_draft {
	const char *name;
	const struct template *template; /* as it was loaded; NULL: there is no head yet */
	enum head_kind kind;
	uint64_t generation;
	const char *record; /* that generation's */
	struct digest record_digest;
	const char *run;
	const char *key; /* that signs */
	const char *actor, *reason;
	int64_t until;
	const struct digest *undone; /* or NULL */
};

/* Steps 7 and 8 of the commit protocol: signs it, makes it the last one, mends `current`.
 * ERROR_BUSY: somebody was faster. */
int head_publish(struct coldpatch_session *session, const struct head_draft *draft,
		 struct error *err);

/* "YYYY-MM-DD" (its end, UTC) or "30d" (from now on) in seconds since the epoch; ERROR_USAGE. */
int until_parse(const char *text, int64_t now, int64_t *ret, struct error *err);

/* The summary of a changing verb.  `record` is a path; it and `plan` may be NULL. */
json_t *change_summary(const char *run, const char *name, bool changed, const char *msg,
		       const struct template_generation *generation, const struct digest *plan);

/* What a summary has of no template, or of several: image, generation, plan and record are null. */
void summary_of_none(json_t *summary);

/* One template of several. */
typedef int template_action(struct coldpatch_session *session, const char *name, const char *run,
			    const void *options, json_t **ret, struct error *err);
/* Does it to each, once: what coldpatch.h says of one and of several.  What comes of each is kept
 * in its run's directory unless `dry_run`. */
int template_each(struct coldpatch_session *session, const char *const *names, size_t n,
		  template_action *action, const void *options, bool dry_run, json_t **ret,
		  struct error *err);
/* How a verb fails that calls it. */
int template_each_fail(struct coldpatch_session *session, struct coldpatch_error *ret,
		       const struct error *err);

#endif
