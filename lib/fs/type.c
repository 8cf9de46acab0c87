/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fs/type.h"

#include <stddef.h>
#include <string.h>

#include "fs/fs_ops.h"

static const char *const xfs_chatter[] = {"Phase ", "        - ", "No modify flag", NULL};
static const char *const btrfs_chatter[] = {
	"Opening filesystem", "Checking filesystem", "UUID: ", "[", "found ", NULL};

static const char *const vfat_chatter[] = {"fsck.fat ", "Leaving filesystem", NULL};

/* Of those that no back end opens. */
static const struct fs_type types[] = {
	{.name = "xfs",
	 .repair = "xfs_repair",
	 .check = {"xfs_repair", "-n", "-f"},
	 .chatter = xfs_chatter},
	{.name = "btrfs",
	 .repair = "btrfs check",
	 .check = {"btrfs", "check", "--readonly"},
	 .chatter = btrfs_chatter},
	{.name = "vfat",
	 .grub = "fat",
	 .read_only = "ro",
	 .no_system = true,
	 .repair = "fsck.vfat",
	 .check = {"fsck.vfat", "-n"},
	 .chatter = vfat_chatter},
	{.name = "crypto_LUKS", .encrypted = true},
	{.name = "swap", .swap = true, .no_system = true},
	{.name = "swsuspend", .swap = true, .no_system = true},
	{0},
};

static const struct fs_type *find(const struct fs_type *among, const char *name)
{
	for (; among && among->name; among++)
		if (strcmp(among->name, name) == 0)
			return among;
	return NULL;
}

const struct fs_type *fs_type_find(const char *name)
{
	const struct fs_type *found = NULL;

	if (!name)
		return NULL;
	for (size_t i = 0; !found && fs_back_ends[i]; i++)
		found = find(fs_back_ends[i]->types, name);
	return found ? found : find(types, name);
}

const char *fs_type_grub(const char *name)
{
	const struct fs_type *type = fs_type_find(name);

	return type && type->grub ? type->grub : name;
}

bool fs_type_is_swap(const char *name)
{
	const struct fs_type *type = fs_type_find(name);

	return type && type->swap;
}

bool fs_type_is_encrypted(const char *name)
{
	const struct fs_type *type = fs_type_find(name);

	return type && type->encrypted;
}
