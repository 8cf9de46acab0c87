/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot Loader Specification entries
 * (uapi-group.org/specifications/specs/boot_loader_specification), type 1: /loader/entries/ID.conf.
 */
#ifndef COLDPATCH_BOOT_BLS_H
#define COLDPATCH_BOOT_BLS_H

#include "base/error.h"
#include "boot/menu.h"
#include "fs/tree.h"

enum { BLS_ENTRY_LIMIT = 64 << 10 };

/* Adds one entry; `$kernelopts` and the like in it are left as they are. */
void bls_parse(const char *buf, size_t len, const char *id, struct menu *menu);
/* Adds all entries of a directory, the newest version first, as loaders list them.  An absent
 * directory has none. */
int bls_read_directory(struct tree *tree, const char *directory, struct menu *menu,
		       struct error *err);
/* strverscmp-like order of versions: "6.1.9" is before "6.1.10". */
int bls_compare_versions(const char *a, const char *b);

#endif
