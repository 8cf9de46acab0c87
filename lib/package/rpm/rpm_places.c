/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stddef.h>

#include "package/rpm/rpm.h"

const struct package_place rpm_expected[] = {
	{"/boot/*", "kernel-install, grubby, grub2-mkconfig"},
	{"/etc/alternatives/*", "alternatives"},
	{"/etc/pki/*", "update-ca-trust, certificates made at installation"},
	{"/etc/crypto-policies/*", "update-crypto-policies"},
	{"/etc/rc.d/*", "chkconfig"},
	{"/etc/rc?.d/*", "chkconfig"},
	{"/etc/shells", "shells that add themselves"},
	{"/etc/sysconfig/*", "configuration that scripts move to a new form"},
	{"*.rpmnew", "rpm: the new version of a configuration file that was kept"},
	{"*.rpmsave", "rpm: the administrator's version of one that was replaced"},
	{"*.rpmorig", "rpm: a file that was in the way"},
	{"/usr/bin/*", "links of alternatives"},
	{"/usr/sbin/*", "links of alternatives"},
	{"/usr/lib/sysimage/*", "the package database, and what package managers note beside it"},
	{"/usr/lib/fontconfig/cache/*", "fc-cache"},
	{"/usr/lib/udev/hwdb.bin", "systemd-hwdb"},
	{"/etc/udev/hwdb.bin", "systemd-hwdb"},
	{"/usr/lib64/*.cache", "cache builders run by triggers"},
	{"/usr/lib64/gconv/gconv-modules.cache", "iconvconfig"},
	{"/usr/share/icons/*", "gtk-update-icon-cache"},
	{"/usr/share/applications/mimeinfo.cache", "update-desktop-database"},
	{"/usr/share/man/*", "links of alternatives"},
	{"/usr/lib/modules/*", "depmod, weak-modules"},
	{"/lib/modules/*", "depmod, weak-modules"},
	{"/var/lib/alternatives/*", "alternatives"},
	{"/var/lib/rpm/*", "the package database"},
	{"/var/lib/rpm-state/*", "what scripts of one transaction tell each other"},
	{"/var/lib/selinux/*", "semodule"},
	{"/etc/selinux/*", "semodule"},
	{"/var/lib/systemd/*", "systemctl preset, catalogs"},
	{"/var/lib/texmf/*", "mktexlsr"},
	{"/var/lib/unbound/*", "unbound-anchor"},
	{NULL, NULL},
};

const char *const rpm_kept_suffixes[] = {".rpmnew", ".rpmsave", ".rpmorig", NULL};
const char *const rpm_spare_names[] = {"*.rpmnew", "*.rpmsave", "*.rpmorig", NULL};
