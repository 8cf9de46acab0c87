/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Digests of whole files, taken by a thread while something else is waited for; and the memory of
 * which images' file systems were found clean. */
#ifndef COLDPATCH_SESSION_DIGESTS_H
#define COLDPATCH_SESSION_DIGESTS_H

#include "base/digest.h"
#include "session/session.h"

struct background_digests;

/* `paths` is borrowed until the wait. */
struct background_digests *background_digests_start(const char *const *paths, size_t n);
/* *ret: n digests, owned by `digests`.  ERROR_BUSY when the monitor says stop. */
int background_digests_wait(struct background_digests *digests, const struct monitor *monitor,
			    const struct digest **ret, struct error *err);
/* Stops what still runs. */
void background_digests_free(struct background_digests *digests);

/* Were the file systems of these very files (subject.h, "files") checked and found clean before? */
bool checked_before(const struct coldpatch_session *session, const json_t *files);
void remember_checked(const struct coldpatch_session *session, const json_t *files);

#endif
