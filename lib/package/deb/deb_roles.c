/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stddef.h>

#include "package/deb/deb.h"

const char *const deb_kernels[] = {"linux-image-[0-9]*", NULL};
const char *const deb_boot_loaders[] = {"grub-*", "grub2-*", "shim-*", "systemd-boot*", NULL};
const char *const deb_boot_tools[] = {"grub*", "efibootmgr", "systemd-boot*", "os-prober", NULL};
const char *const deb_database_servers[] = {"postgresql-[0-9]*", "mysql-server*", "mariadb-server*",
					    "default-mysql-server*", NULL};
const char *const deb_initramfs_makers[] = {"initramfs-tools*", "dracut*", NULL};
/* Those that trigger update-initramfs. */
const char *const deb_in_initramfs[] = {
	"initramfs-tools*", "dracut*",	   "udev",	     "systemd",
	"busybox*",	    "cryptsetup*", "lvm2",	     "mdadm",
	"e2fsprogs",	    "btrfs-progs", "xfsprogs",	     "plymouth*",
	"*-microcode",	    "firmware-*",  "console-setup*", "kmod",
	"dmsetup",	    "open-iscsi",  "zfs-*",	     "nfs-common",
	"cloud-initramfs*", "multipath*",  "keyboard-con*",  NULL};
const char *const deb_c_libraries[] = {"libc6", NULL};
