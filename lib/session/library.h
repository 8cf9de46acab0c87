/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The library of a session: opened when it is first needed, and kept. */
#ifndef COLDPATCH_SESSION_LIBRARY_H
#define COLDPATCH_SESSION_LIBRARY_H

#include "library/template.h"
#include "session/session.h"

/* Borrowed.  ERROR_USAGE: none is named; ERROR_MISSING: none is there. */
const struct library *session_library(struct coldpatch_session *session, struct error *err);
/* 0 when no library is named, or it is there. */
int session_check_library(struct coldpatch_session *session, struct error *err);
/* The keys that records and heads are verified with, borrowed.  ERROR_CONFIG when there is none. */
const struct record_keys *session_keys(struct coldpatch_session *session, struct error *err);
/* The same for the caller to free, none among them too.  ERROR_CONFIG. */
struct record_keys *session_open_keys(const struct coldpatch_session *session, struct error *err);
/* The library's template, its heads verified. */
struct template *session_template(struct coldpatch_session *session, const char *name,
				  struct error *err);
/* What every changing verb does first to a template that is there: recovery (library/commit.h). */
int template_prepare_change(struct coldpatch_session *session, const char *name, struct error *err);
/* The key that signs: `given`, else the configuration's.  NULL with ERROR_CONFIG when there is
 * none, or it cannot be read; ERROR_DENIED when it has ended. */
const char *session_signing_key(const struct coldpatch_session *session, const char *given,
				struct error *err);

/* The executor to use for a template, when `wanted` ("auto", ...) is: the library's policy may only
 * tighten.  ERROR_DENIED: it allows none that would be used. */
const char *library_executor(const struct library *library, const char *wanted, bool sandbox_ok,
			     struct error *err);

/* LIBRARY/runs/RUN/NAME, made; allocated. */
char *library_run_directory(const struct library *library, const char *run, const char *name,
			    struct error *err);
/* What a verb did to a template, in its run's directory: the summary, or the error.  That it cannot
 * be written is no failure of the verb. */
void library_keep_outcome(const struct library *library, const char *run, const char *name,
			  const json_t *summary, const struct error *error);

#endif
