/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a guest boots, as far as its files say: kernels, boot loader menu, default entry. */
#ifndef COLDPATCH_BOOT_BOOT_H
#define COLDPATCH_BOOT_BOOT_H

#include "base/error.h"
#include "fs/tree.h"
#include "guest/guest.h"

/* Fills guest->boot and adds notes about what would keep the guest from booting as it is.  What the
 * guest's files claim is never an error; reading them can be (ERROR_IO, ERROR_IMAGE for a damaged
 * file system).  `spare_names`: shell patterns of names that no kernel has, ending with NULL; or
 * NULL. */
int boot_inspect(struct tree *tree, const char *const *spare_names, struct guest *guest,
		 struct error *err);

/*
 * The static check before a commit is visible: every installed kernel has its
 * initramfs (a plausible archive), modules.dep and boot entry; the default entry starts an
 * installed kernel and its root is this image's root, as is that of each entry of a new kernel; the
 * menu names no file system that is not in the image; the initramfs of a new kernel
 * holds a driver of a disk and that of the root's file system, and opens the root's container. Fine
 * for a guest without a kernel.  `after->boot` is filled; ERROR_GUEST names the first defect.
 *
 * With `before` (may be NULL) only defects count that were not there before: an image that never
 * had an entry for some kernel can be patched.  A guest that had kernels, a menu or an initramfs
 * must still have them.
 */
int boot_check(const struct guest *before, const struct guest *after, struct tree *after_tree,
	       struct error *err);

#endif
