/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commit/expected.h"

#include <fnmatch.h>

/* What any family's scripts may write; what only one does, it says itself. */
static const struct package_place expected[] = {
	{"/boot/initrd*", "initramfs generators"},
	{"/boot/grub*", "grub-mkconfig"},
	{"/etc/group*", "useradd and its like"},
	{"/etc/gshadow*", "useradd and its like"},
	{"/etc/ld.so.cache*", "ldconfig"},
	{"/etc/passwd*", "useradd and its like"},
	{"/etc/shadow*", "useradd and its like"},
	{"/etc/subgid*", "useradd and its like"},
	{"/etc/subuid*", "useradd and its like"},
	{"/etc/systemd/*", "systemctl enable"},
	{"*/__pycache__*", "compiled Python"},
	{"*.pyc", "compiled Python"},
	{"/usr/lib/*/gconv/gconv-modules.cache", "iconvconfig"},
	{"/usr/lib/*/*.cache", "cache builders run by triggers"},
	{"/usr/lib/locale/*", "locale-gen"},
	{"/usr/lib/modules/*/modules.*", "depmod"},
	{"/lib/modules/*/modules.*", "depmod"},
	{"/usr/share/*.cache", "cache builders run by triggers"},
	{"/usr/share/glib-2.0/schemas/*", "glib-compile-schemas"},
	{"/usr/share/info/dir*", "install-info"},
	{"/usr/share/mime/*", "update-mime-database"},
	{"/var/cache/*", "caches"},
	{"/var/log/*", "logs"},
	{NULL, NULL},
};

static const struct package_place identity[] = {
	{"/etc/hostname", "host name"},
	{"/etc/machine-id", "machine-id"},
	{"/etc/machine-info", "machine's name and place"},
	{"/etc/ssh/ssh_host_*", "SSH host keys"},
	{"/var/lib/dbus/machine-id", "machine-id"},
	{"/var/lib/systemd/random-seed", "seed of the random number generator"},
	{"/etc/resolv.conf", "name servers"},
	{NULL, NULL},
};

static bool matches(const struct package_place *places, const char *path)
{
	for (; places->pattern; places++)
		if (fnmatch(places->pattern, path, 0) == 0)
			return true;
	return false;
}

bool path_is_expected(const struct package_family *family, const char *path)
{
	return matches(expected, path) || matches(family->expected, path);
}

bool path_is_identity(const char *path)
{
	return matches(identity, path);
}
