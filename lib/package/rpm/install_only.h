/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packages of which several versions are installed side by side: kernels and what belongs to them.
 */
#ifndef COLDPATCH_PACKAGE_RPM_INSTALL_ONLY_H
#define COLDPATCH_PACKAGE_RPM_INSTALL_ONLY_H

#include "package/rpm/rules.h"
#include "rpm/rpm_header.h"

/* Capabilities, one of which such a package provides on every guest; NULL-terminated. */
extern const char *const rpm_install_only[];

/* By those, or by what the administrator adds. */
bool rpm_is_install_only(const struct rpm_header *header, const struct rpm_rules *rules);

#endif
