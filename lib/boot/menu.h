/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A boot loader's menu, whichever files it is made from. */
#ifndef COLDPATCH_BOOT_MENU_H
#define COLDPATCH_BOOT_MENU_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

enum { MENU_MAX_ITEMS = 1024 };

struct menu_item {
	char *title, *id; /* NULL: none */
	bool submenu;
	size_t parent; /* 1 + index of the submenu it is in, 0: top */
	char *version; /* as a BLS entry says it, else NULL */
	char *kernel;  /* path as the loader sees it, or NULL */
	char *initrd;  /* the last one that is named, or NULL */
	char *options; /* the kernel's command line, or NULL */
};

struct menu {
	struct menu_item *items;
	size_t n_items;
	char *default_entry; /* as the loader spells it: "0", "1>2", a title, an id; NULL: the first
			      */
	char **filesystems;  /* that the loader itself looks for: "UUID=...", "LABEL=..." */
	size_t n_filesystems;
	bool use_bls;	      /* grub's blscfg: the entries are files of their own */
	char *kernel_options; /* what $kernelopts stands for, or NULL */
	bool elsewhere;	      /* a file of it is a link to what is not in the tree */
};

void menu_free(struct menu *menu);
#define CLEANUP_MENU __attribute__((cleanup(menu_free)))

/* NULL when the menu is full. */
struct menu_item *menu_add(struct menu *menu);

/* The item that is started unless somebody chooses another, or NULL for an empty menu.  As in grub:
 * a path of numbers, titles or ids joined by '>'; what does not resolve is the first entry. */
const struct menu_item *menu_default(const struct menu *menu);

/* The value of `name` in a kernel command line (the last one counts), or NULL. */
char *options_value(const char *options, const char *name);

#endif
