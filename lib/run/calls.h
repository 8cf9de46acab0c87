/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls by name, for the filter of guest code (cmd/runner) and those of workers
 * (lib/session). */
#ifndef COLDPATCH_RUN_CALLS_H
#define COLDPATCH_RUN_CALLS_H

#include <seccomp.h>
#include <stdint.h>

/* What reaches around other walls, or is the kernel's most attacked surface; no program that works
 * on an image or installs a package needs it. */
extern const char *const calls_never[];
/* What changes namespaces, without mount and unshare, or the name of the machine. */
extern const char *const calls_of_namespaces[];

/* The action for each of the names, of which the last is NULL.  A call that libseccomp does not
 * know yet is left out.  0, or -errno. */
int calls_act(scmp_filter_ctx filter, uint32_t action, const char *const *names);

#endif
