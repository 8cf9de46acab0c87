/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The session behind coldpatch.h, and what its parts share.
 *
 * The session's own process handles values only.  Whatever opens an image, resolves or writes is a
 * task (task.h) that a worker process does; the signer is a program of its own.
 */
#ifndef COLDPATCH_SESSION_SESSION_H
#define COLDPATCH_SESSION_SESSION_H

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/monitor.h"
#include "coldpatch.h"
#include "session/config.h"
#include "session/stages.h"

struct library;
struct record_keys;

struct coldpatch_session {
	struct config config;
	struct library *library;  /* session_library(), once it was asked for */
	struct record_keys *keys; /* session_keys() */
	char *libexec_dir;
	struct coldpatch_callbacks callbacks;
	struct monitor monitor;	 /* calls `callbacks` */
	const char *signing_key; /* used now beside the configured one, or NULL */
	struct stages stages;	 /* of what is being done */
	char *change_run;	 /* of a verb that changes one template, which failed, */
	char *change_name;	 /* and the template; else NULL */
};

/* Copies an internal error to the caller's; returns -1. */
int session_fail(struct coldpatch_error *ret, const struct error *err);
/* The same for a verb that changes something, with what it was about: each may be NULL. */
int session_fail_change(struct coldpatch_error *ret, const struct error *err, const char *run,
			const char *image, const struct digest *plan);
/* The canonical text of *json as the caller's string. */
char *session_text(const json_t *json);
/* Path of a helper program: LIBEXEC/NAME. */
char *session_program(const struct coldpatch_session *session, const char *name);
/* ERROR_TRUST: the store is the library, and a link was planted in it. */
int session_check_store(const struct coldpatch_session *session, struct error *err);
/* Makes the directories of store and state where they are missing. */
int session_prepare(struct coldpatch_session *session, struct error *err);

#endif
