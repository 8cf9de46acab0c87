/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is derived from a library for others: the published directory, and who depends on it. */
#ifndef COLDPATCH_SESSION_LIBRARY_PUBLISH_H
#define COLDPATCH_SESSION_LIBRARY_PUBLISH_H

#include "library/clones.h"
#include "session/library.h"

/* The files of a template in the library's `publish:` directory are those of its generations.
 * Nothing where nothing is published.  What does not work is a warning: the next command does it
 * again. */
void library_publish(struct coldpatch_session *session, const char *name);

/* Task clones. */
int library_clones(struct coldpatch_session *session, struct clones *ret, struct error *err);
/* The same of files outside of the library that are to go: who beside them, or in the clone roots,
 * depends on them? */
int library_clones_of_files(struct coldpatch_session *session, char *const *paths, size_t n,
			    struct clones *ret, struct error *err);

#endif
