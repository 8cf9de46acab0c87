/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_SESSION_CONFINE_CALLS_H
#define COLDPATCH_SESSION_CONFINE_CALLS_H

#include "session/confine.h"

/* Denies the system calls that no worker confined so makes; they fail with EPERM.  Nothing where
 * the kernel has no seccomp. */
int confine_calls(const struct confinement *confinement, struct error *err);

#endif
