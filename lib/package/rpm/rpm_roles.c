/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of RHEL and its kin, Fedora, Amazon Linux, Oracle Linux and SUSE. */
#include <stddef.h>

#include "package/rpm/rpm.h"

/* Those with a kernel's image in them; since RHEL 8 "kernel" itself is empty. */
const char *const rpm_kernels[] = {
	"kernel",	  "kernel-core",	 "kernel-rt",		"kernel-rt-core",
	"kernel-lt",	  "kernel-ml",		 "kernel-ml-core",	"kernel-plus",
	"kernel-uek",	  "kernel-uek-core",	 "kernel[0-9]*.[0-9]*", /* Amazon Linux: kernel6.12
									 */
	"kernel-default", "kernel-default-base", "kernel-azure",	NULL};
const char *const rpm_boot_loaders[] = {"grub2*", "grub",	   "shim-*",	  "shim",
					"grubby", "systemd-boot*", "efibootmgr*", NULL};
const char *const rpm_boot_tools[] = {
	"grub2*",	 "grub",	 "grubby*", "efibootmgr*", "os-prober*", "shim*",
	"systemd-boot*", "systemd-udev", "systemd", "util-linux*", NULL};
const char *const rpm_database_servers[] = {"postgresql*-server",
					    "postgresql[0-9]*",
					    "mariadb*-server",
					    "mariadb",
					    "mysql*-server",
					    "mysql-community-server",
					    NULL};
/* Whose scripts have every initramfs made again: microcode everywhere, the others on SUSE (by names
 * that only SUSE has; RHEL makes one only for a new kernel). */
const char *const rpm_in_initramfs[] = {
	"microcode_ctl",     "ucode-*",		"kernel-firmware*", "udev",
	"suse-module-tools", "multipath-tools", "btrfsprogs",	    NULL};
const char *const rpm_c_libraries[] = {"glibc", NULL};
const char *const rpm_bookkeepers[] = {"dnf", "dnf5", "yum", "zypper", NULL};
