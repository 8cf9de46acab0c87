/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long each stage of a run took, by the progress that is told anyway: a stage lasts until
 * another one speaks. */
#ifndef COLDPATCH_SESSION_STAGES_H
#define COLDPATCH_SESSION_STAGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct stage_time {
	char name[32];
	uint64_t nanoseconds;
};

/* Start with {0}. */
struct stages {
	struct stage_time items[32]; /* further stages count for the last one that fits */
	size_t n_items, current;
	uint64_t since; /* when `current` was last counted; 0: no stage yet */
};

void stages_enter(struct stages *stages, const char *name);
/* {"inspect": milliseconds, ...}, up to now. */
json_t *stages_to_json(struct stages *stages);

#endif
