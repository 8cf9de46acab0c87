/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Can a kernel reach the root with what is in its initramfs? */
#ifndef COLDPATCH_BOOT_DRIVERS_H
#define COLDPATCH_BOOT_DRIVERS_H

#include "base/error.h"
#include "fs/tree.h"
#include "guest/guest.h"

/* ERROR_GUEST when the initramfs of this kernel (which has one) is damaged, has none of the disk
 * drivers that the kernel has as modules, or lacks the module of the root's file system, or what
 * opens the encrypted container that the root is in.  What
 * modules.dep does not list is built into the kernel.  One that is compressed in a way that is not
 * read here is taken for good. */
int drivers_check(struct tree *tree, const struct guest *guest, const struct guest_kernel *kernel,
		  struct error *err);

#endif
