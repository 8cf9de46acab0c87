/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's image locking (block/file-posix.c): a process that holds permission N on an image keeps a
 * shared lock on byte 100 + N of the file.  Permission 1 is "write".  Asking whether an exclusive
 * lock would conflict tells whether anyone holds it, without taking a lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "disk/backing.h"
#include "disk/source.h"

enum {
	QEMU_PERMISSION_BASE = 100,
	QEMU_PERMISSION_WRITE = 1,
	QEMU_SHARED_BASE = 200, /* what a process lets others do is told by locks from here on */
	QEMU_MAX_PERMISSIONS = 64,
};

int lock_check(int fd, struct error *err)
{
	struct flock lock = {.l_type = F_WRLCK,
			     .l_whence = SEEK_SET,
			     .l_start = QEMU_PERMISSION_BASE + QEMU_PERMISSION_WRITE,
			     .l_len = 1};

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return error_os(err, ERROR_IO, errno, "asking for locks");
	if (lock.l_type == F_UNLCK)
		return 0;
	return error_set(
		err, ERROR_BUSY,
		"is open for writing by another process (a running machine?); stop it first");
}

int image_file_in_use(int fd, bool *ret, struct error *err)
{
	struct flock lock = {.l_type = F_WRLCK,
			     .l_whence = SEEK_SET,
			     .l_start = QEMU_PERMISSION_BASE,
			     .l_len = QEMU_SHARED_BASE + QEMU_MAX_PERMISSIONS -
				      QEMU_PERMISSION_BASE};

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return error_os(err, ERROR_IO, errno, "asking for locks");
	*ret = lock.l_type != F_UNLCK;
	return 0;
}
