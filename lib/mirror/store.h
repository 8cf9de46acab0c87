/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The places of things in the store. */
#ifndef COLDPATCH_MIRROR_STORE_H
#define COLDPATCH_MIRROR_STORE_H

#include "base/digest.h"

#define STORE_PACKAGES	"packages"
#define STORE_SNAPSHOTS "mirror-snapshots"

/* "packages/XX/SHA256", allocated. */
char *store_package_name(const struct digest *sha256);

/* Opens a package file below STORE/packages and hashes it: ERROR_MIRROR, ERROR_TRUST.  The
 * descriptor, or -1. */
int store_package_open(const char *package_root, const struct digest *sha256, struct error *err);

/* Names of all snapshots, newest first. */
int store_list(const char *store, char ***ret_names, size_t *ret_n, struct error *err);
/* The directory of a snapshot by its digest or a unique prefix of it; NULL on failure. */
char *store_find(const char *store, const char *name, struct error *err);

#endif
