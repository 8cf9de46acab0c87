/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/hidden.h"

#include <string.h>

#include "fs/type.h"
#include "package/payload.h"

static bool is_hidden(const struct guest_filesystem *fs)
{
	return fs->mountpoint && fs->mountpoint[0] == '/' && fs->mountpoint[1] && !fs->mounted &&
	       !fs_type_is_swap(fs->type);
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

/* `who` is a clause. */
static int check_path(const struct guest *guest, const char *who, const char *path,
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

static int check_package(const struct guest *guest, const struct package_change *change,
			 const struct package_payloads *payloads, struct error *err)
{
	const struct package_payload *payload = package_payloads_find(payloads, &change->sha256);
	CLEANUP_FREE char *who = xasprintf("package %s %s", change->name, change->to);

	for (size_t i = 0; payload && i < payload->n_files; i++)
		if (check_path(guest, who, payload->files[i].path, err) < 0)
			return -1;
	return 0;
}

int hidden_check_packages(const struct guest *guest, const struct plan *plan, const json_t *result,
			  struct error *err)
{
	__attribute__((cleanup(package_payloads_free))) struct package_payloads payloads = {0};

	if (package_payloads_from_json(json_object_get(result, "payloads"), &payloads, err) < 0)
		return -1;
	for (size_t i = 0; i < plan->resolution.n_changes; i++)
		if (plan->resolution.changes[i].to &&
		    check_package(guest, &plan->resolution.changes[i], &payloads, err) < 0)
			return -1;
	return 0;
}

static int check_entry(void *opaque, const struct layer_entry *entry, struct error *err)
{
	return check_path(opaque, "a script of the packages", entry->path, err);
}

static int skip_content(void *opaque, const void *data, size_t len, uint64_t offset,
			struct error *err)
{
	(void)opaque, (void)data, (void)len, (void)offset, (void)err;
	return 0;
}

int hidden_check_layer(const struct guest *guest, const struct layer *layer, struct error *err)
{
	const struct layer_visitor visitor = {
		.entry = check_entry, .content = skip_content, .opaque = (void *)(uintptr_t)guest};

	return hidden_places(guest) ? layer_read(layer, &visitor, err) : 0;
}
