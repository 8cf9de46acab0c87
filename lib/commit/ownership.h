/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which paths of a guest belong to packages, and what keeps a package's file from lying where the
 * package has it: dpkg's lists, diversions and path-exclude options, read from the guest.  Paths
 * are real ones: aliases such as /lib -> usr/lib are resolved.
 */
#ifndef COLDPATCH_COMMIT_OWNERSHIP_H
#define COLDPATCH_COMMIT_OWNERSHIP_H

#include "fs/tree.h"

struct ownership;

/* ERROR_IMAGE when a list is damaged or too large. */
struct ownership *ownership_read(struct tree *tree, struct error *err);
void ownership_free(struct ownership *ownership);
DEFINE_CLEANUP(struct ownership, ownership_free)

/* Does any package list this real path? */
bool ownership_has(const struct ownership *ownership, const char *path);
/* Does this package ("NAME" or "NAME:ARCH") list the path, spelled as in the package? */
bool ownership_of(const struct ownership *ownership, const char *package, const char *path);
/* The real path where this package's file lies; allocated. */
char *ownership_place(const struct ownership *ownership, const char *package, const char *path);
/* Do the guest's options keep dpkg from installing this path? */
bool ownership_excluded(const struct ownership *ownership, const char *path);

#endif
