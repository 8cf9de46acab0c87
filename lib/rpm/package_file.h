/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header in a package file (.rpm).  Who wants to know whether it is to be trusted asks
 * rpm_signature.h. */
#ifndef COLDPATCH_RPM_PACKAGE_FILE_H
#define COLDPATCH_RPM_PACKAGE_FILE_H

#include "rpm/rpm_header.h"

/* Untrusted input.  ERROR_MIRROR: it is no package, or cut short. */
struct rpm_header *rpm_package_file_header(const char *path, struct error *err);

#endif
