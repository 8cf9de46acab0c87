/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inode flags.  A sandbox's view has them where they matter.  An overlay shows those of the lower
 * layer, but a directory that is copied up loses some of them, and then what is made in it does not
 * inherit them; setting them, while nothing has run yet, copies it up and keeps them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "run/capture_format.h"
#include "runner.h"

static int entry_open(const struct walk_entry *entry, struct error *err)
{
	int file = openat(entry->dir, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return file < 0 ? error_os(err, ERROR_HOST, errno, "open %s", entry->path) : file;
}

/* 0 on file systems that know no flags. */
static int file_flags(int file, const struct walk_entry *entry, int *ret, struct error *err)
{
	*ret = 0;
	if (ioctl(file, FS_IOC_GETFLAGS, ret) == 0 || errno == ENOTTY || errno == EOPNOTSUPP)
		return 0;
	return error_os(err, ERROR_HOST, errno, "read the flags of %s", entry->path);
}

int flags_get(const struct walk_entry *entry, unsigned *ret, struct error *err)
{
	CLEANUP_CLOSE int file = -1;
	int flags;

	*ret = 0;
	if (!S_ISREG(entry->stat.st_mode) && !S_ISDIR(entry->stat.st_mode))
		return 0;
	file = entry_open(entry, err);
	if (file < 0 || file_flags(file, entry, &flags, err) < 0)
		return -1;
	*ret = (unsigned)flags & CAPTURE_FLAGS;
	return 0;
}

static int spread(void *opaque, const struct walk_entry *entry, struct error *err)
{
	CLEANUP_CLOSE int file = -1;
	int flags;

	(void)opaque;
	if (!S_ISDIR(entry->stat.st_mode))
		return 0;
	file = entry_open(entry, err);
	if (file < 0 || file_flags(file, entry, &flags, err) < 0)
		return -1;
	flags &= (int)CAPTURE_INHERITED;
	if (flags && ioctl(file, FS_IOC_SETFLAGS, &flags) < 0)
		return error_os(err, ERROR_HOST, errno, "set the flags of %s", entry->path);
	return 0;
}

int flags_spread(struct error *err)
{
	struct statfs st;

	if (statfs("/", &st) < 0)
		return error_os(err, ERROR_HOST, errno, "the view's file system");
	return st.f_type == OVERLAYFS_SUPER_MAGIC ? walk(spread, NULL, err) : 0;
}
