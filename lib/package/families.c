/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Alone in its file: a test that brings a family of its own links another table instead. */
#include "package/families.h"

#include "package/deb/deb.h"
#include "package/rpm/rpm.h"

const struct package_family *const package_families[] = {&deb_family, &rpm_family, NULL};
