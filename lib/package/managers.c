/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As families.c. */
#include "package/deb/deb.h"
#include "package/families.h"
#include "package/rpm/rpm.h"

const struct package_manager *const package_managers[] = {&deb_manager, &rpm_manager, NULL};
