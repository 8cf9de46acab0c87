/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_COMMIT_EXPECTED_H
#define COLDPATCH_COMMIT_EXPECTED_H

#include <stdbool.h>

/* Is it one of the places that package managers and maintainer scripts are known to write (a
 * declared list, with the reason for each)? */
bool path_is_expected(const char *path);
/* One of the files that say who this machine is. */
bool path_is_identity(const char *path);

#endif
