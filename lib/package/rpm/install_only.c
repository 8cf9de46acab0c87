/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/rpm/install_only.h"

/* dnf's and yum's own lists, and the parts that kernels have been split into. */
const char *const rpm_install_only[] = {
	"kernel",
	"kernel-PAE",
	"installonlypkg(kernel)",
	"installonlypkg(kernel-module)",
	"installonlypkg(vm)",
	"multiversion(kernel)",
	"kernel-core",
	"kernel-modules",
	"kernel-modules-core",
	"kernel-modules-extra",
	"kernel-devel",
	"kernel-debug",
	"kernel-debug-devel",
	"kernel-uek",
	NULL,
};

bool rpm_is_install_only(const struct rpm_header *header, const struct rpm_rules *rules)
{
	for (const char *const *capability = rpm_install_only; *capability; capability++)
		if (rpm_header_provides(header, *capability))
			return true;
	for (size_t i = 0; i < rules->n_install_only; i++)
		if (rpm_header_provides(header, rules->install_only[i]))
			return true;
	return false;
}
