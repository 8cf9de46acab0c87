/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many of a task's lines of progress go to the session: a task that goes through a hundred
 * thousand files names each, and the session wakes up for each line. */
#ifndef COLDPATCH_SESSION_PACE_H
#define COLDPATCH_SESSION_PACE_H

#include "base/monitor.h"

enum { PACE_MS = 50 };

/* Start with {0}. */
struct pace {
	char stage[32]; /* of the last line, cut */
	int64_t sent_ms;
	bool complete; /* all was done then */
};

/* Is it worth a line at `now_ms`?  A new stage is, whatever comes PACE_MS after the last line, and
 * the first that says that all of a stage is done. */
bool pace_allows(struct pace *pace, const struct progress *progress, int64_t now_ms);

#endif
