/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 0x70000000 and up is what the distributions' and systemd's tables of 32-bit ids leave unused:
 * above the ranges of containers (and of /etc/subuid), below what does not fit a signed integer.
 */
#include "run/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/file.h"
#include "run/view.h"

#define IDS_FIRST     0x70000000u
#define IDS_DIRECTORY "/run/coldpatch"

enum { IDS_RANGES = 256 };

static int try_range(unsigned range, struct error *err)
{
	CLEANUP_FREE char *path = xasprintf(IDS_DIRECTORY "/ids-%u.lock", range);
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_os(err, ERROR_HOST, errno, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return error_os(err, ERROR_BUSY, errno, "lock %s", path);
	return steal_fd(&fd);
}

int ids_take(struct ids *ret, struct error *err)
{
	if (directory_make(IDS_DIRECTORY, 0700, err) < 0)
		return -1;
	for (unsigned range = 0; range < IDS_RANGES; range++) {
		int lock = try_range(range, err);

		if (lock < 0 && err->kind != ERROR_BUSY)
			return -1;
		if (lock < 0)
			continue;
		*ret = (struct ids){.base = IDS_FIRST + range * VIEW_IDS, .lock = lock};
		return 0;
	}
	return error_set(err, ERROR_BUSY, "all %d id ranges for sandboxes are in use", IDS_RANGES);
}

void ids_release(struct ids *ids)
{
	close_p(&ids->lock);
	ids->lock = -1;
}
