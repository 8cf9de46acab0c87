/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/hidden.h"

#include <string.h>

#include "base/file.h"

static bool is_hidden(const struct guest_filesystem *fs)
{
	return fs->mountpoint && fs->mountpoint[0] == '/' && fs->mountpoint[1] && !fs->mounted;
}

bool hidden_places(const struct guest *guest)
{
	for (size_t i = 0; i < guest->n_filesystems; i++)
		if (is_hidden(&guest->filesystems[i]))
			return true;
	return false;
}

bool hidden_can_be_wanted(const struct guest_filesystem *fs)
{
	return is_hidden(fs) && fs->copied && guest_is_firmwares(fs->mountpoint);
}

static bool want(const struct guest_filesystem *fs, bool *ret_wanted)
{
	if (!ret_wanted || !hidden_can_be_wanted(fs))
		return false;
	*ret_wanted = true;
	return true;
}

static const struct guest_filesystem *over(const struct guest *guest, const char *path)
{
	for (size_t i = 0; i < guest->n_filesystems; i++) {
		const struct guest_filesystem *fs = &guest->filesystems[i];
		size_t len = is_hidden(fs) ? strlen(fs->mountpoint) : 0;

		if (len && strncmp(path, fs->mountpoint, len) == 0 && path[len] == '/')
			return fs;
	}
	return NULL;
}

int hidden_check_path(const struct guest *guest, const char *who, const char *path,
		      bool *ret_wanted, struct error *err)
{
	const struct guest_filesystem *fs = over(guest, path);

	if (!fs || want(fs, ret_wanted))
		return 0;
	return error_set(
		err, ERROR_IMAGE,
		"%s puts %s on the guest's %s, whose file system (%s) %s; hold the package "
		"back (`holds` of the patchset), or update it in another way first",
		who, path, fs->mountpoint, fs->type ? fs->type : "unknown",
		fs->copied && guest_is_firmwares(fs->mountpoint)
			? "cannot be mounted by an appliance"
			: "is not written by this version");
}

int hidden_check_removal(const struct guest *guest, const char *path, bool *ret_wanted,
			 struct error *err)
{
	for (size_t i = 0; i < guest->n_filesystems; i++) {
		const struct guest_filesystem *fs = &guest->filesystems[i];

		if (!is_hidden(fs) || !path_is_below(fs->mountpoint, path) || want(fs, ret_wanted))
			continue;
		return error_set(
			err, ERROR_IMAGE,
			"the packages remove %s, where the guest mounts a file system that "
			"was not mounted now (%s); hold the package back (`holds` of the "
			"patchset)",
			path, fs->mountpoint);
	}
	return 0;
}

bool hidden_has_menu(const struct guest *guest, const struct plan *plan)
{
	const struct package_family *family = package_family_by_name(plan->family);

	for (size_t i = 0; guest->boot.elsewhere && i < plan->resolution.n_changes; i++) {
		const char *name = plan->resolution.changes[i].name;

		if (package_has_role(family, name, PACKAGE_KERNEL) ||
		    package_has_role(family, name, PACKAGE_BOOT_LOADER))
			return true;
	}
	return false;
}

/* Of a package: [[PATH, ...]...]. */
static int check_files(const struct guest *guest, const struct package_change *change,
		       const json_t *files, bool *ret_wanted, struct error *err)
{
	CLEANUP_FREE char *who = xasprintf("package %s %s", change->name, change->to);
	const json_t *file;
	size_t i;

	json_array_foreach(files, i, file)
	{
		CLEANUP_FREE char *path = json_bytes_value(json_array_get(file, 0));

		if (path && hidden_check_path(guest, who, path, ret_wanted, err) < 0)
			return -1;
	}
	return 0;
}

/* What is read of the form of payload.h is that much; the commit reads all of it. */
int hidden_check_packages(const struct guest *guest, const struct plan *plan,
			  const json_t *payloads, bool *ret_wanted, struct error *err)
{
	for (size_t i = 0; i < plan->resolution.n_changes; i++) {
		const struct package_change *change = &plan->resolution.changes[i];
		char hex[DIGEST_HEX_SIZE];

		digest_to_hex(&change->sha256, hex);
		if (change->to &&
		    check_files(guest, change, json_object_get(payloads, hex), ret_wanted, err) < 0)
			return -1;
	}
	return 0;
}
