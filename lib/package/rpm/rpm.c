/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/rpm/rpm.h"

/* Also those whose os-release names no other one as its like. */
static const char *const systems[] = {"rhel",	"centos",    "fedora",	"rocky",      "almalinux",
				      "ol",	"amzn",	     "suse",	"opensuse",   "sles",
				      "sled",	"sle-micro", "mariner", "azurelinux", "photon",
				      "mageia", "openEuler", NULL};

const struct package_family rpm_family = {
	.name = "rpm",
	.layout = "repomd",
	.database = "/var/lib/rpm",
	.file_suffix = ".rpm",
	.purl_type = "rpm",
	.systems = systems,
	.expected = rpm_expected,
	.kept_suffixes = rpm_kept_suffixes,
	.spare_names = rpm_spare_names,
	.copied_up = rpm_copied_up,
	.roles = {[PACKAGE_KERNEL] = rpm_kernels,
		  [PACKAGE_BOOT_LOADER] = rpm_boot_loaders,
		  [PACKAGE_BOOT_TOOLS] = rpm_boot_tools,
		  [PACKAGE_DATABASE_SERVER] = rpm_database_servers,
		  [PACKAGE_IN_INITRAMFS] = rpm_in_initramfs,
		  [PACKAGE_C_LIBRARY] = rpm_c_libraries,
		  [PACKAGE_BOOKKEEPER] = rpm_bookkeepers},
	.environment = rpm_environment,
};
