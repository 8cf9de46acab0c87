/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a verb that changes the library says that it did. */
#ifndef COLDPATCH_SESSION_CHANGE_SUMMARY_H
#define COLDPATCH_SESSION_CHANGE_SUMMARY_H

#include "session/library.h"

/* Of one template.  `generation` and `plan` may be NULL. */
json_t *change_summary(const char *run, const char *name, bool changed, const char *msg,
		       const struct template_generation *generation, const struct digest *plan);

/* What a summary has of no template, or of several: image, generation, plan and record are null. */
void summary_of_none(json_t *summary);

#endif
