/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/families.h"
#include "package/package.h"

const struct package_manager *package_manager_of(const struct package_family *family)
{
	size_t i = 0;

	while (package_managers[i] && package_managers[i]->family != family)
		i++;
	return package_managers[i];
}
