/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of an apply (apply.c): what it gathers, how it is signed, how it is told. */
#ifndef COLDPATCH_SESSION_APPLY_H
#define COLDPATCH_SESSION_APPLY_H

#include "session/apply_ahead.h"
#include "session/destination.h"
#include "session/image.h"
#include "session/payloads.h"

struct applied {
	struct prepared prepared;
	int64_t started; /* seconds since the epoch */
	char *run_dir, *log_path;
	struct payloads *payloads;
	json_t *layer;	/* result of the layer task */
	json_t *commit; /* result of the commit task */
	struct destination destination;
	struct apply_ahead ahead;
	bool changed;
};

/* Makes the record of what was done and has it signed, into `path` (apply_record.c). */
int apply_sign(struct coldpatch_session *session, struct applied *applied, const char *path,
	       struct error *err);
/* Was the new generation made straight on the base? */
bool apply_is_squashed(const struct applied *applied);
/* What apply gives back (apply_summary.c). */
json_t *apply_summary(struct coldpatch_session *session, const struct applied *applied);

#endif
