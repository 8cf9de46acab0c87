/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_BASE_CLOCK_H
#define COLDPATCH_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds of a clock that nobody sets, for deadlines and durations. */
static inline int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
