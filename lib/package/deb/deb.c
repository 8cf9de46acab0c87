/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/deb/deb.h"

/* Nobody is there to answer: debconf takes defaults, ucf keeps the admin's files, needrestart and
 * apt-listchanges stay silent. */
static const char *const environment[] = {"DEBIAN_FRONTEND=noninteractive",
					  "DEBIAN_PRIORITY=critical",
					  "DEBCONF_NOWARNINGS=yes",
					  "UCF_FORCE_CONFFOLD=1",
					  "NEEDRESTART_MODE=l",
					  "APT_LISTCHANGES_FRONTEND=none",
					  "APT_LISTBUGS_FRONTEND=none",
					  NULL};

static const char *const systems[] = {"debian", "ubuntu", NULL};

static const char *const spare_names[] = {"*.dpkg-*", NULL};

/* invoke-rc.d and deb-systemd-invoke ask it before they start or stop a service. */
static const struct package_run_file run_files[] = {
	{"/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0755}, {NULL, NULL, 0}};

const struct package_family deb_family = {
	.name = "deb",
	.layout = "apt",
	.database = "/var/lib/dpkg/status",
	.file_suffix = ".deb",
	.purl_type = "deb",
	.purl_lower_name = true,
	.systems = systems,
	.expected = deb_expected,
	.kept_suffixes = deb_kept_suffixes,
	.spare_names = spare_names,
	.run_files = run_files,
	.roles = {[PACKAGE_KERNEL] = deb_kernels,
		  [PACKAGE_BOOT_LOADER] = deb_boot_loaders,
		  [PACKAGE_BOOT_TOOLS] = deb_boot_tools,
		  [PACKAGE_DATABASE_SERVER] = deb_database_servers,
		  [PACKAGE_INITRAMFS_MAKER] = deb_initramfs_makers,
		  [PACKAGE_IN_INITRAMFS] = deb_in_initramfs,
		  [PACKAGE_C_LIBRARY] = deb_c_libraries},
	.environment = environment,
};
