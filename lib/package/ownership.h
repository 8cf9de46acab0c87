/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which paths of a guest belong to packages, and what keeps a package's file from lying where the
 * package has it.  A family reads it from the guest with the `add` functions; what it then says
 * holds for all families.  Real paths are those in which aliases such as /lib -> usr/lib are
 * resolved.
 */
#ifndef COLDPATCH_PACKAGE_OWNERSHIP_H
#define COLDPATCH_PACKAGE_OWNERSHIP_H

#include "package/package.h"

struct ownership;

/* ERROR_IMAGE when the family's lists are damaged or too large. */
struct ownership *ownership_read(const struct package_family *family, struct tree *tree,
				 struct error *err);
void ownership_free(struct ownership *ownership);
DEFINE_CLEANUP(struct ownership, ownership_free)

/* Does any package list this real path, or one that is diverted to it? */
bool ownership_has(const struct ownership *ownership, const char *path);
/* rpm makes the directories above what a package has, in the name of none. */
bool ownership_has_below(const struct ownership *ownership, const char *directory);
/* Does this package list the path, spelled as in the package? */
bool ownership_of(const struct ownership *ownership, const struct package_change *package,
		  const char *path);
/* Does this package list something below the directory, or the directory? */
bool ownership_of_below(const struct ownership *ownership, const struct package_change *package,
			const char *directory);
/* The real path where this package's file lies; allocated. */
char *ownership_place(const struct ownership *ownership, const char *package, const char *path);
/* Do the guest's options keep this path from being installed? */
bool ownership_excluded(const struct ownership *ownership, const char *path);

/* One path to a line, as the package spells it.  `architecture` is NULL when the database has this
 * package for one architecture only. */
void ownership_add_list(struct ownership *ownership, const char *name, const char *architecture,
			const char *paths);
/* The file `from` of every package but this one lies at `to`. */
void ownership_add_diversion(struct ownership *ownership, const char *from, const char *to,
			     const char *package);
/* A shell pattern of paths that are not installed, or are after all; the last match decides. */
void ownership_add_filter(struct ownership *ownership, const char *pattern, bool exclude);

/* The lines of `text`, cut in place; empty ones are left out.  The caller frees the vector. */
char **ownership_lines(char *text, size_t *ret_n);

#endif
