/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a process lives, so that what it left behind can be told apart from what it still works
 * on.  A process id means something in one pid namespace of one boot, and together with the time at
 * which the process started it is never used twice there.
 */
#ifndef COLDPATCH_BASE_LIFETIME_H
#define COLDPATCH_BASE_LIFETIME_H

#include <stdbool.h>
#include <stdint.h>

/* Reads what /proc says of this process, once; a worker does so before it cannot any more. */
void lifetime_prepare(void);
/* "BOOT-ID/PID-NAMESPACE"; borrowed. */
const char *lifetime_boot(void);
/* When this process started, in clock ticks after boot. */
uint64_t lifetime_started(void);
/* Is the process of this boot and namespace no more? */
bool lifetime_is_over(uint64_t pid, uint64_t started);

#endif
