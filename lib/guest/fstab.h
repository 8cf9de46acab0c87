/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's fstab(5): a claim of the guest, read as data. */
#ifndef COLDPATCH_GUEST_FSTAB_H
#define COLDPATCH_GUEST_FSTAB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

enum { FSTAB_LIMIT = 1 << 20 }; /* bytes of the file that are worth reading */

struct fstab_entry {
	unsigned line; /* counted from 1 */
	char *source;  /* "UUID=...", "/dev/vda1", "tmpfs" */
	char *target;  /* "/", "/boot", "none": no trailing or doubled slash */
	char *type;
	char *options; /* "defaults" when the line has none */
};

struct fstab {
	struct fstab_entry *entries;
	size_t n_entries;
	char **warnings; /* "line 3: ...", about what was ignored */
	size_t n_warnings;
};

/* Every line, in order.  Lines that cannot be read are left out with a warning; so is all beyond
 * 512 entries.  Octal escapes are undone. */
void fstab_parse(const char *buf, size_t len, struct fstab *ret);
void fstab_free(struct fstab *fstab);
#define CLEANUP_FSTAB __attribute__((cleanup(fstab_free)))

/* Is `name` one of the comma-separated options? */
bool fstab_has_option(const struct fstab_entry *entry, const char *name);
/* The value of the option "NAME=VALUE", `prefix` being "NAME=", without a slash in front;
 * allocated, NULL when there is none or `prefix` is NULL. */
char *fstab_option_value(const struct fstab_entry *entry, const char *prefix);
/* Is it mounted where, by the file system hierarchy, users and not packages put files? */
bool fstab_is_users(const struct fstab_entry *entry);
/* Is it mounted where packages have files of their own: /usr, /boot, the package database, ...? */
bool fstab_is_packages(const struct fstab_entry *entry);
/* Is it there when the guest runs, by itself or as soon as somebody looks? */
bool fstab_is_automatic(const struct fstab_entry *entry);
/* Is it mounted for an update, when it is there?  Also what somebody mounts by hand to update it,
 * since packages or the firmware's loaders are on it. */
bool fstab_is_mounted(const struct fstab_entry *entry);
/* Does the entry lay something over its mount point that is in no file system of the image as such:
 * a bind, a network file system, an image file, an overlay, a tmpfs? */
bool fstab_is_cover(const struct fstab_entry *entry);
/* Does the entry mount a file system of a local disk?  False for swap, what the kernel makes up,
 * network file systems, binds, files mounted by loop, and removable media. */
bool fstab_is_local(const struct fstab_entry *entry);

#endif
