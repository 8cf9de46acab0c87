/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fs/copied_type.h"

#include <stddef.h>
#include <string.h>

static const char *const none[] = {NULL};
/* Ubuntu and openSUSE; Fedora; Debian */
static const char *const btrfs_roots[] = {"@", "root", "@rootfs", NULL};
/* POSIX ACLs, as they lie on the disk */
static const char *const xfs_aliases[] = {"trusted.SGI_ACL_FILE", "trusted.SGI_ACL_DEFAULT", NULL};

/* Nothing else of the image is mounted beside it, so that another file system of the same UUID is
 * no danger. */
static const struct copied_type types[] = {
	{"xfs", "xfs", "nouuid", NULL, none, xfs_aliases},
	{"btrfs", "btrfs", "", "subvol=", btrfs_roots, none},
	{"ext4", "ext4", "", NULL, none, none},
	{"ext3", "ext4", "", NULL, none, none},
	{"ext2", "ext4", "", NULL, none, none},
};

const struct copied_type *copied_type_find(const char *name)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (name && strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}
