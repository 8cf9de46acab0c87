/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_SESSION_CONFINE_CALLS_H
#define COLDPATCH_SESSION_CONFINE_CALLS_H

#include "session/confine.h"

/* Denies the system calls that no worker of this sort makes; they fail with EPERM.  Nothing where
 * the kernel has no seccomp. */
int confine_calls(enum confined_by by, struct error *err);

#endif
