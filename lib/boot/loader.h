/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which boot loader a tree is set up for, and its menu. */
#ifndef COLDPATCH_BOOT_LOADER_H
#define COLDPATCH_BOOT_LOADER_H

#include "boot/menu.h"
#include "fs/tree.h"

/* *ret_name is "grub2", "systemd-boot" or "none"; with "none" the menu is empty. */
int loader_read(struct tree *tree, const char **ret_name, struct menu *ret_menu, struct error *err);
/* The kernel version that an item starts, from what it says or from the kernel's file name,
 * allocated; NULL when neither tells. */
int loader_kernel_version(struct tree *tree, const struct menu_item *item, char **ret,
			  struct error *err);
/* The guest's path of a file that the loader names: its own path may be relative to /boot.  *ret is
 * NULL when there is no such file. */
int loader_resolve(struct tree *tree, const char *path, char **ret, struct error *err);

#endif
