/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/confine_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

/* linux/mount.h cannot be included beside sys/mount.h everywhere. */
struct attributes {
	uint64_t set, clear, propagation, user_namespace;
};
enum { ATTRIBUTE_READ_ONLY = 1, RECURSIVE = 0x8000 };

bool confine_mounts_possible(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	return syscall(SYS_capget, &header, data) == 0 && data[0].effective >> CAP_SYS_ADMIN & 1;
}

static int set_attributes(const char *path, unsigned flags, const struct attributes *attributes,
			  struct error *err)
{
	if (syscall(SYS_mount_setattr, AT_FDCWD, path, flags, attributes, sizeof *attributes) < 0 &&
	    errno != ENOSYS)
		return error_os(err, ERROR_HOST, errno, "%s: mount attributes for a worker", path);
	return 0;
}

static bool is_needed(const struct paths *paths, const char *directory)
{
	for (size_t i = 0; i < paths->n; i++) {
		CLEANUP_FREE char *real = realpath(paths->items[i].path, NULL);

		if (real && path_is_below(real, directory))
			return true;
	}
	return false;
}

static int hide_key(const struct paths *paths, const char *key, struct error *err)
{
	CLEANUP_FREE char *real = realpath(key, NULL);
	CLEANUP_FREE char *copy = NULL;
	const char *directory;

	if (!real)
		return 0;
	if (mount("/dev/null", real, NULL, MS_BIND, NULL) < 0)
		return error_os(err, ERROR_HOST, errno, "hiding the signing key from a worker");
	copy = xstrdup(real);
	directory = dirname(copy);
	if (!strcmp(directory, "/") || is_needed(paths, directory))
		return 0;
	if (mount("none", directory, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
		  "mode=000,size=4k") < 0)
		return error_os(err, ERROR_HOST, errno,
				"hiding the signing key's directory from a worker");
	return 0;
}

static int bind_writable(const struct paths *paths, struct error *err)
{
	for (size_t i = 0; i < paths->n; i++)
		if (paths->items[i].writable && mount(paths->items[i].path, paths->items[i].path,
						      NULL, MS_BIND | MS_REC, NULL) < 0)
			return error_os(err, ERROR_HOST, errno, "%s: mounting it for a worker",
					paths->items[i].path);
	return 0;
}

static int make_read_only(const struct paths *paths, struct error *err)
{
	const struct attributes read_only = {.set = ATTRIBUTE_READ_ONLY};
	const struct attributes writable = {.clear = ATTRIBUTE_READ_ONLY};

	if (bind_writable(paths, err) < 0 || set_attributes("/", RECURSIVE, &read_only, err) < 0 ||
	    set_attributes("/proc", 0, &writable, err) < 0)
		return -1;
	for (size_t i = 0; i < paths->n; i++)
		if (paths->items[i].writable &&
		    set_attributes(paths->items[i].path, RECURSIVE, &writable, err) < 0)
			return -1;
	return 0;
}

int confine_mounts(const struct paths *paths, bool read_only, const json_t *keys, struct error *err)
{
	const json_t *key;
	size_t i;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_os(err, ERROR_HOST, errno, "a mount namespace for a worker");
	if (read_only && make_read_only(paths, err) < 0)
		return -1;
	json_array_foreach(keys, i, key)
	{
		if (hide_key(paths, json_string_value(key), err) < 0)
			return -1;
	}
	return 0;
}
