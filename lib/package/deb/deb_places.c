/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stddef.h>

#include "package/deb/deb.h"

const struct package_place deb_expected[] = {
	{"/boot/vmlinuz*", "kernel links"},
	{"/initrd.img*", "kernel links"},
	{"/vmlinuz*", "kernel links"},
	{"/etc/alternatives/*", "update-alternatives"},
	{"/etc/apparmor.d/*", "dh_apparmor's local files"},
	{"/etc/ca-certificates.conf*", "update-ca-certificates"},
	{"/etc/default/*", "ucf"},
	{"/etc/rc?.d/*", "update-rc.d"},
	{"/etc/shells*", "update-shells"},
	{"/etc/ssl/certs/*", "update-ca-certificates"},
	{"*.dpkg-*", "dpkg: a configuration file that was kept"},
	{"*.ucf-*", "ucf: a configuration file that was kept"},
	{"/usr/bin/*", "update-alternatives links"},
	{"/usr/sbin/*", "update-alternatives links"},
	{"/usr/share/man/*", "update-alternatives links"},
	{"/usr/share/postgresql-common/*", "alternatives of manual pages"},
	{"/usr/share/vim/*", "vim's help tags"},
	{"/usr/src/*", "headers and modules"},
	{"/var/backups/*", "dpkg's daily copies"},
	{"/var/lib/apt/*", "apt"},
	{"/var/lib/dpkg/*", "dpkg"},
	{"/var/lib/initramfs-tools/*", "update-initramfs"},
	{"/var/lib/pam/*", "pam-auth-update"},
	{"/var/lib/postgresql/*", "postgresql-common"},
	{"/var/lib/python/*", "py3compile"},
	{"/var/lib/shells.state", "update-shells"},
	{"/var/lib/systemd/deb-systemd-helper*", "deb-systemd-helper"},
	{"/var/lib/ucf/*", "ucf"},
	{"/var/lib/vim/*", "vim's addons"},
	{"/var/lib/xml-core/*", "update-catalog"},
	{NULL, NULL},
};

const char *const deb_kept_suffixes[] = {".dpkg-dist", ".dpkg-new", ".dpkg-old",
					 ".ucf-dist",  ".ucf-old",  NULL};
