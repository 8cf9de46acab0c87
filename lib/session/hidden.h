/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places that a file system of the guest covers, and that is not among those which are read and
 * written here (an EFI system partition): what a package puts there would end up below the mount
 * point, where nobody sees it.
 */
#ifndef COLDPATCH_SESSION_HIDDEN_H
#define COLDPATCH_SESSION_HIDDEN_H

#include "layer/layer.h"
#include "plan/plan.h"

/* Has the guest any? */
bool hidden_places(const struct guest *guest);
/* ERROR_IMAGE names the first package of the plan that brings a file for one; `payloads` is the
 * result of payloads_wait. */
int hidden_check_packages(const struct guest *guest, const struct plan *plan,
			  const json_t *payloads, struct error *err);
/* Is `path` in one?  `who` puts it there. */
int hidden_check_path(const struct guest *guest, const char *who, const char *path,
		      struct error *err);
/* The same of what was written there in a run. */
int hidden_check_layer(const struct guest *guest, const struct layer *layer, struct error *err);

#endif
