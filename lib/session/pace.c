/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/pace.h"

#include <stdio.h>
#include <string.h>

bool pace_allows(struct pace *pace, const struct progress *progress, int64_t now_ms)
{
	bool again = strncmp(pace->stage, progress->stage, sizeof pace->stage - 1) == 0;
	bool complete = progress->total > 0 && progress->done == progress->total;

	if (again && now_ms - pace->sent_ms < PACE_MS && (!complete || pace->complete))
		return false;
	snprintf(pace->stage, sizeof pace->stage, "%s", progress->stage);
	pace->sent_ms = now_ms;
	pace->complete = complete;
	return true;
}
