/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By descriptor from directory to directory, never through a symlink.  Inode numbers of the mounts
 * after the first get the mount's index in their top byte, so that they name an inode alone. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "run/capture_format.h"
#include "runner.h"

enum { DEVICES_LIMIT = 64, DEVICE_SHIFT = 56 };

struct walker {
	walk_callback *callback;
	void *opaque;
	struct buffer path;
	dev_t devices[DEVICES_LIMIT];
	size_t n_devices;
};

static int device_index(struct walker *walker, dev_t device, uint64_t *ret, struct error *err)
{
	for (size_t i = 0; i < walker->n_devices; i++)
		if (walker->devices[i] == device) {
			*ret = i;
			return 0;
		}
	if (walker->n_devices == DEVICES_LIMIT)
		return error_set(err, ERROR_HOST, "too many mounts in the view");
	*ret = walker->n_devices;
	walker->devices[walker->n_devices++] = device;
	return 0;
}

static int entry_read(struct walker *walker, int dir, const char *name, struct walk_entry *ret,
		      struct error *err)
{
	struct statx x;
	uint64_t device = 0;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &x) < 0)
		return error_os(err, ERROR_HOST, errno, "stat %s", walker->path.data);
	if (device_index(walker, makedev(x.stx_dev_major, x.stx_dev_minor), &device, err) < 0)
		return -1;
	*ret = (struct walk_entry){
		.path = walker->path.data,
		.dir = dir,
		.name = name,
		.ino = x.stx_ino | device << DEVICE_SHIFT,
		.birth = {x.stx_btime.tv_sec, x.stx_btime.tv_nsec},
		.stat = {.st_mode = x.stx_mode,
			 .st_nlink = x.stx_nlink,
			 .st_uid = x.stx_uid,
			 .st_gid = x.stx_gid,
			 .st_size = (off_t)x.stx_size,
			 .st_blocks = (blkcnt_t)x.stx_blocks,
			 .st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor),
			 .st_mtim = {x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec},
			 .st_ctim = {x.stx_ctime.tv_sec, x.stx_ctime.tv_nsec}},
	};
	return 0;
}

static int visit_directory(struct walker *walker, int fd, struct error *err);

static int visit(struct walker *walker, int dir, const char *name, struct error *err)
{
	struct walk_entry entry;
	int fd;

	if (entry_read(walker, dir, name, &entry, err) < 0 ||
	    walker->callback(walker->opaque, &entry, err) < 0)
		return -1;
	if (!S_ISDIR(entry.stat.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_os(err, ERROR_HOST, errno, "open %s", walker->path.data);
	if (visit_directory(walker, fd, err) < 0)
		return -1;
	return fchdir(dir) < 0 ? error_os(err, ERROR_HOST, errno, "leave a directory") : 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int visit_child(struct walker *walker, int fd, const char *name, struct error *err)
{
	size_t len = walker->path.len;
	int outcome;

	if (len + strlen(name) + 1 > CAPTURE_STRING_LIMIT)
		return error_set(err, ERROR_GUEST, "a path of the view is too long: %s",
				 walker->path.data);
	buffer_printf(&walker->path, "%s%s", len > 1 ? "/" : "", name);
	outcome = visit(walker, fd, name, err);
	walker->path.len = len;
	walker->path.data[len] = '\0';
	return outcome;
}

/* Owns fd. */
static int visit_directory(struct walker *walker, int fd, struct error *err)
{
	struct dirent **names = NULL;
	int outcome = 0, n;

	if (fchdir(fd) < 0)
		outcome = error_os(err, ERROR_HOST, errno, "enter %s", walker->path.data);
	n = scandirat(fd, ".", &names, is_entry, by_name);
	if (n < 0 && outcome == 0)
		outcome = error_os(err, ERROR_HOST, errno, "read %s", walker->path.data);
	for (int i = 0; i < n; i++) {
		if (outcome == 0)
			outcome = visit_child(walker, fd, names[i]->d_name, err);
		free(names[i]);
	}
	free(names);
	close(fd);
	return outcome;
}

int walk(walk_callback *callback, void *opaque, struct error *err)
{
	struct walker walker = {.callback = callback, .opaque = opaque};
	CLEANUP_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int outcome;

	if (root < 0 || fchdir(root) < 0)
		return error_os(err, ERROR_HOST, errno, "open the view");
	buffer_putc(&walker.path, '/');
	outcome = visit(&walker, root, ".", err);
	buffer_free(&walker.path);
	return outcome;
}
