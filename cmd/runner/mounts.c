/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The view becomes the root of a private mount namespace.
 *
 * Everything that comes from outside (packages, device nodes, our own program) and /proc, which a
 * user namespace may only mount while another one is visible, is taken hold of as a detached mount
 * first.  Then pivot_root leaves the host's tree behind, and only then are paths of the guest
 * walked: a symlink in the guest resolves inside the guest, whatever it says.
 *
 * /sys is an empty, read-only directory tree of ours: what programs read there is the machine they
 * run on, which here is the wrong one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runner.h"

static const struct special {
	const char *type;
	const char *const *options; /* pairs, NULL-terminated */
	unsigned attributes;
} specials[N_JOB_COVERS] = {
	[JOB_PROC] = {"proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC},
	[JOB_SYS] = {"tmpfs", (const char *const[]){"mode", "755", "size", "1m", NULL},
		     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC},
	/* Mode 755: in a sticky directory the kernel refuses O_CREAT opens of device nodes. */
	[JOB_DEV] = {"tmpfs", (const char *const[]){"mode", "755", "size", "16m", NULL},
		     MOUNT_ATTR_NOSUID},
	[JOB_DEV_PTS] = {"devpts",
			 (const char *const[]){"ptmxmode", "0666", "mode", "0620", "gid", "5",
					       NULL},
			 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC},
	[JOB_DEV_SHM] = {"tmpfs", (const char *const[]){"mode", "1777", "size", "256m", NULL},
			 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV},
	[JOB_RUN] = {"tmpfs", (const char *const[]){"mode", "755", "size", "256m", NULL},
		     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV},
	[JOB_TMP] = {"tmpfs", (const char *const[]){"mode", "1777", "size", "1g", NULL},
		     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV},
};

static const char *const sys_directories[] = {
	"/sys/block", "/sys/bus",      "/sys/class",  "/sys/dev",    "/sys/devices",
	"/sys/fs",    "/sys/firmware", "/sys/kernel", "/sys/module", "/sys/power",
};

static int special_fds[N_JOB_COVERS];
/* Where they lie: a guest's /tmp may be a link to /var/tmp. */
static char *special_paths[N_JOB_COVERS];
static int packages_fd = -1, program_fd = -1;

static int special_open(size_t i, struct error *err)
{
	const struct special *special = &specials[i];
	CLEANUP_CLOSE int context = fsopen(special->type, FSOPEN_CLOEXEC);
	int mount_fd;

	if (context < 0)
		return error_os(err, ERROR_HOST, errno, "fsopen %s", special->type);
	for (const char *const *o = special->options; o && *o; o += 2)
		if (fsconfig(context, FSCONFIG_SET_STRING, o[0], o[1], 0) < 0)
			return error_os(err, ERROR_HOST, errno, "mount option %s=%s of %s", o[0],
					o[1], job_covers[i]);
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_os(err, ERROR_HOST, errno, "make a %s for %s", special->type,
				job_covers[i]);
	mount_fd = fsmount(context, FSMOUNT_CLOEXEC, special->attributes);
	if (mount_fd < 0)
		return error_os(err, ERROR_HOST, errno, "mount a %s for %s", special->type,
				job_covers[i]);
	return mount_fd;
}

static int place_tree(const struct job_place *place, unsigned flags)
{
	if (place->path)
		return open_tree(AT_FDCWD, place->path,
				 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
	return open_tree(place->fd, "",
			 AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
}

static int packages_open(const struct job *job, struct error *err)
{
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
						   MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};

	packages_fd = place_tree(&job->packages, 0);
	if (packages_fd < 0 ||
	    mount_setattr(packages_fd, "", AT_EMPTY_PATH, &read_only, sizeof read_only) < 0)
		return error_os(err, ERROR_HOST, errno, "take hold of the package directory");
	return 0;
}

static int sources_open(const struct job *job, struct error *err)
{
	program_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (program_fd < 0)
		return error_os(err, ERROR_HOST, errno, "open /proc/self/exe");
	if (packages_open(job, err) < 0)
		return -1;
	devices_grab();
	for (size_t i = 0; i < N_JOB_COVERS; i++)
		if ((special_fds[i] = special_open(i, err)) < 0)
			return -1;
	return 0;
}

/* pivot_root refuses where the old root is no mount point, as in a chroot of the appliance. */
static int change_root(bool chroot_will_do)
{
	if (syscall(SYS_pivot_root, ".", ".") == 0)
		return umount2(".", MNT_DETACH);
	return chroot_will_do ? chroot(".") : -1;
}

int mounts_enter(const struct job *job, struct error *err)
{
	CLEANUP_CLOSE int tree = -1;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 && errno != EINVAL)
		return error_os(err, ERROR_HOST, errno, "make mounts private");
	if (sources_open(job, err) < 0)
		return -1;
	tree = place_tree(&job->root, AT_RECURSIVE);
	if (tree < 0)
		return error_os(err, ERROR_HOST, errno, "take hold of the view");
	if (move_mount(tree, "", job->root.path ? AT_FDCWD : job->root.fd,
		       job->root.path ? job->root.path : "",
		       MOVE_MOUNT_F_EMPTY_PATH | (job->root.path ? 0 : MOVE_MOUNT_T_EMPTY_PATH)) <
		    0 ||
	    fchdir(tree) < 0)
		return error_os(err, ERROR_HOST, errno, "mount the view");
	if (!job->root.path)
		close(job->root.fd);
	if (change_root(job->make_namespaces) < 0 || chdir("/") < 0)
		return error_os(err, ERROR_HOST, errno, "enter the view");
	/* A file may hold more than the kernel takes. */
	if (sethostname(job->hostname, strnlen(job->hostname, HOST_NAME_MAX)) < 0)
		return error_os(err, ERROR_HOST, errno, "set the host name %s", job->hostname);
	return 0;
}

int tmpfs_file(const char *path, const char *content, mode_t mode, struct error *err)
{
	CLEANUP_CLOSE int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t len = strlen(content);

	if (fd < 0 || write(fd, content, len) != (ssize_t)len || fchmod(fd, mode) < 0)
		return error_os(err, ERROR_HOST, errno, "make %s", path);
	return 0;
}

static int program_copy(const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	off_t offset = 0;
	ssize_t n = 1;

	if (fd < 0)
		return error_os(err, ERROR_HOST, errno, "make %s", path);
	while (n > 0)
		n = sendfile(fd, program_fd, &offset, 1 << 24);
	if (n < 0 || fchmod(fd, 0755) < 0)
		return error_os(err, ERROR_HOST, errno, "copy the runner to %s", path);
	return 0;
}

int mount_over(const char *source, const char *target, struct error *err)
{
	CLEANUP_CLOSE int tree = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0 || move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_os(err, ERROR_HOST, errno, "lay %s over %s", source, target);
	return 0;
}

int unmount_from(const char *target, struct error *err)
{
	if (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return error_os(err, ERROR_HOST, errno, "unmount %s", target);
	return 0;
}

/* Files of /proc that tell of the host. */
static int proc_files(const struct job *job, struct error *err)
{
	CLEANUP_FREE char *cmdline = xasprintf("%s\n", job->cmdline);
	const char *const files[][3] = {
		{"cmdline", "/proc/cmdline", cmdline},
		{"swaps", "/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"},
		{"partitions", "/proc/partitions", "major minor  #blocks  name\n\n"},
	};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		CLEANUP_FREE char *path = xasprintf(JOB_DIRECTORY "/%s", files[i][0]);

		if (tmpfs_file(path, files[i][2], 0444, err) < 0 ||
		    mount_over(path, files[i][1], err) < 0)
			return -1;
	}
	return 0;
}

static int sys_fill(const struct job *job, struct error *err)
{
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};

	for (size_t i = 0; i < sizeof sys_directories / sizeof *sys_directories; i++)
		if (mkdir(sys_directories[i], 0755) < 0)
			return error_os(err, ERROR_HOST, errno, "make %s", sys_directories[i]);
	if (job->efi && mkdir("/sys/firmware/efi", 0755) < 0)
		return error_os(err, ERROR_HOST, errno, "make /sys/firmware/efi");
	if (mount_setattr(AT_FDCWD, "/sys", 0, &read_only, sizeof read_only) < 0)
		return error_os(err, ERROR_HOST, errno, "make /sys read-only");
	return 0;
}

static int run_fill(const struct job *job, struct error *err)
{
	CLEANUP_FREE char *json = job_to_json(job);

	if (mkdir(JOB_DIRECTORY, 0755) < 0 || mkdir(JOB_PACKAGES, 0755) < 0 ||
	    mkdir("/run/lock", 01777) < 0 || chmod("/run/lock", 01777) < 0)
		return error_os(err, ERROR_HOST, errno, "make " JOB_DIRECTORY);
	if (move_mount(packages_fd, "", AT_FDCWD, JOB_PACKAGES, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_os(err, ERROR_HOST, errno, "mount the packages");
	return tmpfs_file(JOB_DIRECTORY "/job.json", json, 0444, err) < 0 ||
			       program_copy(JOB_DIRECTORY "/stub", err) < 0
		       ? -1
		       : 0;
}

static int attach_special(size_t i, struct error *err)
{
	const char *target = job_covers[i];

	special_paths[i] = realpath(target, NULL);
	if (!special_paths[i])
		return error_os(err, ERROR_IMAGE, errno,
				"%s of the guest is not a directory in it; mend it in the guest",
				target);
	if (move_mount(special_fds[i], "", AT_FDCWD, special_paths[i], MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_os(err, ERROR_HOST, errno, "mount %s of the guest", target);
	if (strcmp(target, "/dev") == 0 &&
	    (mkdir("/dev/pts", 0755) < 0 || mkdir("/dev/shm", 01777) < 0))
		return error_os(err, ERROR_HOST, errno, "fill /dev");
	return 0;
}

int mounts_attach(const struct job *job, struct error *err)
{
	for (size_t i = 0; i < N_JOB_COVERS; i++)
		if (attach_special(i, err) < 0)
			return -1;
	if (sys_fill(job, err) < 0 || devices_make(job, err) < 0 || run_fill(job, err) < 0)
		return -1;
	return proc_files(job, err);
}

int mounts_leave(struct error *err)
{
	for (size_t i = N_JOB_COVERS; i-- > 0;)
		if (unmount_from(special_paths[i], err) < 0)
			return -1;
	return 0;
}
