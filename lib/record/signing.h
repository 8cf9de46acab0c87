/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A coldpatch-sign that runs before there is anything to sign, so that it has digested the files by
 * then. */
#ifndef COLDPATCH_RECORD_SIGNING_H
#define COLDPATCH_RECORD_SIGNING_H

#include "base/memory.h"
#include "base/process.h"

struct signing;

/* NULL when it cannot be started now: whoever signs starts another one. */
struct signing *signing_start(const char *program);
/* These files will be named by the request. */
void signing_announce(struct signing *signing, const char *const *paths, size_t n);
/* Gives it spec->input and collects what it says, as process_run does; once only. */
int signing_request(struct signing *signing, const struct process_spec *spec,
		    struct process_result *ret, struct error *err);
void signing_free(struct signing *signing);
DEFINE_CLEANUP(struct signing, signing_free)

#endif
