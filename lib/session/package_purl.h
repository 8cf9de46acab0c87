/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a record calls the packages that a plan brings. */
#ifndef COLDPATCH_SESSION_PACKAGE_PURL_H
#define COLDPATCH_SESSION_PACKAGE_PURL_H

#include "plan/plan.h"

/* The Package URL of a change that has a new version.  Allocated. */
char *package_purl(const struct plan *plan, const struct package_change *change);
/* The part of it that says which package in which version, whatever release of the distribution it
 * was for.  Allocated. */
char *package_purl_stem(const struct plan *plan, const struct package_change *change);
/* Does this Package URL have that stem? */
bool package_purl_has_stem(const char *purl, const char *stem);

#endif
