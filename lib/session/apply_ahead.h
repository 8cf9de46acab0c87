/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Digests that an apply will need, taken by the session and by the signer while it is at work. */
#ifndef COLDPATCH_SESSION_APPLY_AHEAD_H
#define COLDPATCH_SESSION_APPLY_AHEAD_H

#include "record/signing.h"
#include "session/destination.h"
#include "session/digests.h"

/* Start with {0}. */
struct apply_ahead {
	struct background_digests *parents; /* one for each disk, as `overlays` */
	char **overlay_paths;		    /* where they are made */
	struct background_digests *overlays;
	struct signing *signing; /* NULL: it could not be started early */
};

/* Begins with the parents. */
void apply_ahead_begin(struct apply_ahead *ahead, const struct destination *destination);
/* Runs the task "commit", which makes destination_overlay of each disk, and goes on with these once
 * they are written. */
int apply_ahead_commit(struct apply_ahead *ahead, const struct destination *destination,
		       const json_t *input, json_t **ret, struct error *err);
void apply_ahead_free(struct apply_ahead *ahead, const struct destination *destination);

#endif
