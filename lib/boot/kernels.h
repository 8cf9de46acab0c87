/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernels that a tree has installed. */
#ifndef COLDPATCH_BOOT_KERNELS_H
#define COLDPATCH_BOOT_KERNELS_H

#include "boot/menu.h"
#include "guest/guest.h"

/* Fills boot->kernels, sorted: all that have an image in /boot, a directory of modules, or an entry
 * of the menu whose image exists.  A name that one of the shell patterns `spare_names` matches
 * (ending with NULL; or NULL) is a copy, not a kernel. */
int kernels_read(struct tree *tree, const char *const *spare_names, const struct menu *menu,
		 struct guest_boot *boot, struct error *err);
/* A rescue kernel (dracut's 0-rescue-MACHINEID) has its modules in its initramfs. */
bool kernel_is_rescue(const char *version);

#endif
