/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to be known of a type of file system beside its content: this table, and the one of each
 * back end (struct fs_ops), are the only places that tell types apart by name.
 */
#ifndef COLDPATCH_FS_TYPE_H
#define COLDPATCH_FS_TYPE_H

#include <stdbool.h>

enum { FS_CHECK_WORDS = 4 }; /* at most three and a NULL */

struct fs_type {
	const char *name;      /* as mount(8) and blkid spell it */
	const char *grub;      /* GRUB's driver for it; NULL: called as the type is */
	const char *read_only; /* mount(8) options that keep a journal from being replayed; NULL:
				  not mounted in an appliance */
	bool swap;	       /* may hold the memory of a suspended machine, never files */
	bool no_system;	       /* an operating system's root never lies on it */
	bool encrypted;	       /* a container of something else (disk/encrypted.h) */
	const char *repair;    /* the program that mends it; NULL: not known */
	const char *check[4];  /* the program, with options, that finds out whether it is clean,
				  changing nothing, when the device is put behind; none: NULL */
	const char *const *chatter; /* how lines of that program begin that complain of nothing;
				       NULL-terminated */
};

/* NULL: nothing is known of it, or `name` is NULL. */
const struct fs_type *fs_type_find(const char *name);
/* GRUB's name; the type's own where it has none. */
const char *fs_type_grub(const char *name);
bool fs_type_is_swap(const char *name);
bool fs_type_is_encrypted(const char *name);

#endif
