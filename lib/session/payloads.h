/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the packages of a plan bring (package/payload.h), found beside something else: a package is
 * unpacked for it once, whichever images it goes into.  STORE/payloads/SHA256.json, named after the
 * package file, is {"coldpatch": VERSION, "files": [[PATH, SHA256, IS CONFIG]...], "digest": SHA256
 * of the files' canonical JSON}; what cannot be read, was damaged or is of another version is made
 * again.
 */
#ifndef COLDPATCH_SESSION_PAYLOADS_H
#define COLDPATCH_SESSION_PAYLOADS_H

#include "plan/plan.h"
#include "session/session.h"

struct payloads;

/* The session must outlive it. */
struct payloads *payloads_start(struct coldpatch_session *session, const struct plan *plan,
				const struct digest *snapshot);
/* *ret: {SHA256 OF THE PACKAGE: [[PATH, SHA256, IS CONFIG]...]}, owned by `payloads`. */
int payloads_wait(struct payloads *payloads, const json_t **ret, struct error *err);
/* Stops what is still at work. */
void payloads_free(struct payloads *payloads);

#endif
