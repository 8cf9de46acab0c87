/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_COMMIT_EXPECTED_H
#define COLDPATCH_COMMIT_EXPECTED_H

#include "package/package.h"

/* Is it one of the places that package managers and packages' scripts are known to write (declared
 * lists, with the reason for each)? */
bool path_is_expected(const struct package_family *family, const char *path);
/* One of the files that say who this machine is. */
bool path_is_identity(const char *path);

#endif
