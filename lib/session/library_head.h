/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The next head of a template. */
#ifndef COLDPATCH_SESSION_LIBRARY_HEAD_H
#define COLDPATCH_SESSION_LIBRARY_HEAD_H

#include "session/library.h"

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

/* {"actor", "reason", "since", "until"} of the head that set a hold; null: there is none. */
json_t *hold_to_json(const struct head *hold);

#endif
