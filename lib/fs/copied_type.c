/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fs/copied_type.h"

#include <stddef.h>
#include <string.h>

static const char *const none[] = {NULL};
/* Ubuntu and openSUSE; Fedora; Debian */
static const char *const btrfs_roots[] = {"@", "root", "@rootfs", NULL};
/* POSIX ACLs, as they lie on the disk */
static const char *const xfs_aliases[] = {"trusted.SGI_ACL_FILE", "trusted.SGI_ACL_DEFAULT", NULL};

/* 1980-01-01 00:00:00 to 2107-12-31 23:59:58 */
static const struct fs_limits vfat_limits = {.permissions = 0700,
					     .seconds = 2,
					     .earliest = INT64_C(315532800),
					     .latest = INT64_C(4354819198)};

/* Nothing else of the image is mounted beside it, so that another file system of the same UUID is
 * no danger. */
static const struct copied_type types[] = {
	{"xfs", "xfs", "nouuid", NULL, none, xfs_aliases, NULL},
	{"btrfs", "btrfs", "", "subvol=", btrfs_roots, none, NULL},
	{"ext4", "ext4", "", NULL, none, none, NULL},
	{"ext3", "ext4", "", NULL, none, none, NULL},
	{"ext2", "ext4", "", NULL, none, none, NULL},
	{"vfat", "vfat", "uid=0,gid=0,umask=0077,tz=UTC,utf8=1", NULL, none, none, &vfat_limits},
};

const struct copied_type *copied_type_find(const char *name)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (name && strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}
