/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_PACKAGE_FAMILIES_H
#define COLDPATCH_PACKAGE_FAMILIES_H

#include "package/package.h"

/* All that there are; NULL-terminated.  Looked at in this order. */
extern const struct package_family *const package_families[];
/* Of the same families, in the same order. */
extern const struct package_manager *const package_managers[];

#endif
