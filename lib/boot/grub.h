/* SPDX-License-Identifier: GPL-2.0-or-later */
/* grub.cfg and grubenv, read as data. */
#ifndef COLDPATCH_BOOT_GRUB_H
#define COLDPATCH_BOOT_GRUB_H

#include "boot/menu.h"

enum { GRUB_CONFIG_LIMIT = 4 << 20, GRUB_ENV_LIMIT = 64 << 10 };

/* Adds what a grub.cfg says to `menu`.  Nothing is executed: conditions are not looked at, entries
 * of every branch are listed, and of several defaults the last one counts that is not for one boot
 * only (next_entry).  menu->default_entry may be "${saved_entry}". */
void grub_parse(const char *buf, size_t len, struct menu *menu);
/* The value of `name` in a grubenv block, allocated, or NULL. */
char *grub_env_get(const char *buf, size_t len, const char *name);

#endif
