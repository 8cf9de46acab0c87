/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/hidden.h"

#include <string.h>

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
		      struct error *err)
{
	const struct guest_filesystem *fs = over(guest, path);

	if (!fs)
		return 0;
	return error_set(err, ERROR_IMAGE,
			 "%s puts %s on the guest's %s, whose file system (%s) is not written by "
			 "this version; hold the package back (`holds` of the patchset), or "
			 "update it in another way first",
			 who, path, fs->mountpoint, fs->type ? fs->type : "unknown");
}

/* Of a package: [[PATH, ...]...]. */
static int check_files(const struct guest *guest, const struct package_change *change,
		       const json_t *files, struct error *err)
{
	CLEANUP_FREE char *who = xasprintf("package %s %s", change->name, change->to);
	const json_t *file;
	size_t i;

	json_array_foreach(files, i, file)
	{
		CLEANUP_FREE char *path = json_bytes_value(json_array_get(file, 0));

		if (path && hidden_check_path(guest, who, path, err) < 0)
			return -1;
	}
	return 0;
}

/* What is read of the form of payload.h is that much; the commit reads all of it. */
int hidden_check_packages(const struct guest *guest, const struct plan *plan,
			  const json_t *payloads, struct error *err)
{
	for (size_t i = 0; i < plan->resolution.n_changes; i++) {
		const struct package_change *change = &plan->resolution.changes[i];
		char hex[DIGEST_HEX_SIZE];

		digest_to_hex(&change->sha256, hex);
		if (change->to &&
		    check_files(guest, change, json_object_get(payloads, hex), err) < 0)
			return -1;
	}
	return 0;
}
