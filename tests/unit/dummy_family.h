/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_UNIT_DUMMY_FAMILY_H
#define TESTS_UNIT_DUMMY_FAMILY_H

#include "package/package.h"

#define DUMMY_DATABASE "/var/lib/dummy/packages"

extern const struct package_family dummy_family;
extern const struct package_manager dummy_manager;

#endif
