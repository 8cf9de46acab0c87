/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One action for one or several templates. */
#ifndef COLDPATCH_SESSION_TEMPLATE_EACH_H
#define COLDPATCH_SESSION_TEMPLATE_EACH_H

#include "session/library.h"

/* One template of several. */
typedef int template_action(struct coldpatch_session *session, const char *name, const char *run,
			    const void *options, json_t **ret, struct error *err);
/* Does it to each, once: what coldpatch.h says of one and of several.  What comes of each is kept
 * in its run's directory unless `dry_run`. */
int template_each(struct coldpatch_session *session, const char *const *names, size_t n,
		  template_action *action, const void *options, bool dry_run, json_t **ret,
		  struct error *err);
/* The same, also of names that are equal: `name` of the action is the very string of `names`. */
int template_each_listed(struct coldpatch_session *session, const char *const *names, size_t n,
			 template_action *action, const void *options, bool dry_run, json_t **ret,
			 struct error *err);
/* How a verb fails that calls it. */
int template_each_fail(struct coldpatch_session *session, struct coldpatch_error *ret,
		       const struct error *err);

#endif
