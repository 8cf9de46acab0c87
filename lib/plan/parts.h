/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What plan_make adds to a resolution; each fills its arrays of `plan` from plan->resolution. */
#ifndef COLDPATCH_PLAN_PARTS_H
#define COLDPATCH_PLAN_PARTS_H

#include "plan/plan.h"

void plan_add_space(struct plan *plan);
void plan_add_care(struct plan *plan, const struct guest *guest);

#endif
