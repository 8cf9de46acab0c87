/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commit/expected.h"

#include <fnmatch.h>
#include <stddef.h>

struct place {
	const char *pattern; /* '*' matches '/' too */
	const char *why;
};

static const struct place expected[] = {
	{"/boot/initrd*", "update-initramfs"},
	{"/boot/grub*", "update-grub"},
	{"/boot/vmlinuz*", "kernel links"},
	{"/initrd.img*", "kernel links"},
	{"/vmlinuz*", "kernel links"},
	{"/etc/alternatives/*", "update-alternatives"},
	{"/etc/apparmor.d/*", "dh_apparmor's local files"},
	{"/etc/ca-certificates.conf*", "update-ca-certificates"},
	{"/etc/default/*", "ucf"},
	{"/etc/group*", "adduser"},
	{"/etc/gshadow*", "adduser"},
	{"/etc/ld.so.cache*", "ldconfig"},
	{"/etc/passwd*", "adduser"},
	{"/etc/rc?.d/*", "update-rc.d"},
	{"/etc/shadow*", "adduser"},
	{"/etc/shells*", "update-shells"},
	{"/etc/ssl/certs/*", "update-ca-certificates"},
	{"/etc/subgid*", "adduser"},
	{"/etc/subuid*", "adduser"},
	{"/etc/systemd/*", "systemctl enable"},
	{"*.dpkg-*", "dpkg: a configuration file that was kept"},
	{"*.ucf-*", "ucf: a configuration file that was kept"},
	{"*.rpmnew", "rpm: a configuration file that was kept"},
	{"*/__pycache__*", "py3compile"},
	{"*.pyc", "py3compile"},
	{"/usr/bin/*", "update-alternatives links"},
	{"/usr/sbin/*", "update-alternatives links"},
	{"/usr/lib/*/gconv/gconv-modules.cache", "iconvconfig"},
	{"/usr/lib/*/*.cache", "cache builders run by triggers"},
	{"/usr/lib/locale/*", "locale-gen"},
	{"/usr/lib/modules/*/modules.*", "depmod"},
	{"/lib/modules/*/modules.*", "depmod"},
	{"/usr/share/*.cache", "cache builders run by triggers"},
	{"/usr/share/glib-2.0/schemas/*", "glib-compile-schemas"},
	{"/usr/share/info/dir*", "install-info"},
	{"/usr/share/man/*", "update-alternatives links"},
	{"/usr/share/mime/*", "update-mime-database"},
	{"/usr/share/postgresql-common/*", "alternatives of manual pages"},
	{"/usr/share/vim/*", "vim's help tags"},
	{"/usr/src/*", "headers and modules"},
	{"/var/backups/*", "dpkg's daily copies"},
	{"/var/cache/*", "caches"},
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
	{"/var/log/*", "logs"},
};

static const struct place identity[] = {
	{"/etc/hostname", "host name"},
	{"/etc/machine-id", "machine-id"},
	{"/etc/machine-info", "machine's name and place"},
	{"/etc/ssh/ssh_host_*", "SSH host keys"},
	{"/var/lib/dbus/machine-id", "machine-id"},
	{"/var/lib/systemd/random-seed", "seed of the random number generator"},
	{"/etc/resolv.conf", "name servers"},
};

static bool matches(const struct place *places, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(places[i].pattern, path, 0) == 0)
			return true;
	return false;
}

bool path_is_expected(const char *path)
{
	return matches(expected, sizeof expected / sizeof *expected, path);
}

bool path_is_identity(const char *path)
{
	return matches(identity, sizeof identity / sizeof *identity, path);
}
