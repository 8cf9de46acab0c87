/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places that a file system of the guest covers, and that is not mounted for the update: what a
 * package puts there would end up below the mount point, where nobody sees it.
 *
 * An EFI system partition is one.  Few updates have a file for it, and reading it takes an
 * appliance; so it is brought in for those alone: "firmware" of subject.h.
 */
#ifndef COLDPATCH_SESSION_HIDDEN_H
#define COLDPATCH_SESSION_HIDDEN_H

#include "layer/layer.h"
#include "plan/plan.h"

/* Has the guest any? */
bool hidden_places(const struct guest *guest);
/* Is it one that an appliance can bring in? */
bool hidden_can_be_wanted(const struct guest_filesystem *fs);
/* Is `path` in one?  Then *ret_wanted is set where the file system can be brought in; else
 * ERROR_IMAGE says that `who` puts it there.  NULL: none can, any more. */
int hidden_check_path(const struct guest *guest, const char *who, const char *path,
		      bool *ret_wanted, struct error *err);
/* The same of all files of all packages of the plan; `payloads` is the result of payloads_wait. */
int hidden_check_packages(const struct guest *guest, const struct plan *plan,
			  const json_t *payloads, bool *ret_wanted, struct error *err);
/* The same of a path that is not there any more: with it goes a mount point that is nobody's file
 * while nothing is mounted. */
int hidden_check_removal(const struct guest *guest, const char *path, bool *ret_wanted,
			 struct error *err);
/* Both, of all that was written in a run. */
int hidden_check_layer(const struct guest *guest, const struct layer *layer, bool *ret_wanted,
		       struct error *err);

/* Has a package files in one that can be brought in, and does the plan take it away or replace it?
 * Where none can, they stay on it. */
int hidden_find_owned(const struct guest *guest, const struct package_family *family,
		      struct tree *tree, const struct plan *plan, bool *ret_wanted,
		      struct error *err);
/* Does the boot menu lie in one, and does the plan change what it speaks of? */
bool hidden_has_menu(const struct guest *guest, const struct plan *plan);

#endif
