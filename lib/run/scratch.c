/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"

enum { LOOP_ATTEMPTS = 50, MKFS_DEADLINE_MS = 120000 };

/* Blocks that are reserved now cannot be missing later, when nothing would hear of it. */
static int reserve(const struct scratch_spec *spec, const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)spec->bytes) < 0)
		return error_os(err, ERROR_HOST, errno, "make %s", path);
	if (fallocate(fd, 0, 0, (off_t)spec->bytes) < 0 && errno != EOPNOTSUPP)
		return error_os(err, ERROR_HOST, errno,
				"reserve %llu bytes of scratch space for the view in %s",
				(unsigned long long)spec->bytes, spec->directory);
	return 0;
}

static int make_filesystem(const struct scratch_spec *spec, const char *path, struct error *err)
{
	CLEANUP_FREE char *inodes = xasprintf("%llu", (unsigned long long)spec->inodes);
	const char *const argv[] = {"mke2fs",
				    "-q",
				    "-F",
				    "-t",
				    "ext4",
				    "-b",
				    "4096",
				    "-I",
				    "256",
				    "-m",
				    "0",
				    "-O",
				    "^has_journal,^resize_inode,ea_inode",
				    "-E",
				    "nodiscard,lazy_itable_init=1",
				    "-N",
				    inodes,
				    path,
				    NULL};
	const struct process_spec process = {.argv = argv,
					     .output_limit = 4096,
					     .deadline_ms = MKFS_DEADLINE_MS,
					     .monitor = spec->monitor};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};

	return process_run_ok(&process, ERROR_HOST, &result, err);
}

/* Others may take the free device between the two calls. */
static int loop_attach(int file, char *ret_path, size_t size, struct error *err)
{
	CLEANUP_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = {
		.fd = (uint32_t)file, .block_size = 4096, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};

	if (control < 0)
		return error_os(err, ERROR_HOST, errno, "open /dev/loop-control");
	for (int i = 0; i < LOOP_ATTEMPTS; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		CLEANUP_CLOSE int device = -1;

		snprintf(ret_path, size, "/dev/loop%d", number);
		device = number < 0 ? -1 : open(ret_path, O_RDWR | O_CLOEXEC);
		if (device < 0)
			return error_os(err, ERROR_HOST, errno, "get a loop device");
		if (ioctl(device, LOOP_CONFIGURE, &config) == 0)
			return steal_fd(&device);
		if (errno != EBUSY)
			return error_os(err, ERROR_HOST, errno, "set up %s", ret_path);
	}
	return error_set(err, ERROR_BUSY, "no loop device could be had");
}

static int mount_file(const char *path, const char *mountpoint, struct error *err)
{
	CLEANUP_CLOSE int file = open(path, O_RDWR | O_CLOEXEC);
	CLEANUP_CLOSE int loop = -1;
	char device[64];

	if (file < 0)
		return error_os(err, ERROR_HOST, errno, "open %s", path);
	loop = loop_attach(file, device, sizeof device, err);
	if (loop < 0)
		return -1;
	if (mount(device, mountpoint, "ext4", MS_NOSUID | MS_NODEV | MS_NOATIME,
		  "noinit_itable,nobarrier,nodiscard") < 0)
		return error_os(err, ERROR_HOST, errno, "mount %s", path);
	return 0;
}

/* Unsharing happens to this thread alone, so coming back is allowed. */
static int enter_namespace(struct scratch *scratch, struct error *err)
{
	scratch->old_namespace = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (scratch->old_namespace < 0)
		return error_os(err, ERROR_HOST, errno, "open the mount namespace");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_namespaces(err, errno, "make a mount namespace");
	return 0;
}

static int scratch_fill(const struct scratch_spec *spec, struct scratch *scratch, struct error *err)
{
	if (reserve(spec, scratch->file, err) < 0 || make_filesystem(spec, scratch->file, err) < 0)
		return -1;
	if (mkdir(scratch->mountpoint, 0700) < 0)
		return error_os(err, ERROR_HOST, errno, "make %s", scratch->mountpoint);
	if (enter_namespace(scratch, err) < 0)
		return -1;
	return mount_file(scratch->file, scratch->mountpoint, err);
}

int scratch_make(const struct scratch_spec *spec, struct scratch *ret, struct error *err)
{
	struct scratch scratch = {.mountpoint = path_join(spec->directory, "view"),
				  .file = path_join(spec->directory, "view.img"),
				  .old_namespace = -1};

	if (scratch_fill(spec, &scratch, err) < 0) {
		scratch_free(&scratch);
		return -1;
	}
	*ret = scratch;
	return 0;
}

static void *let_go(void *opaque)
{
	close((int)(intptr_t)opaque);
	return NULL;
}

/* The last descriptor of a view frees its hundreds of megabytes when it is closed, which takes the
 * kernel a while; nobody has to wait for that but the end of this process. */
static void let_go_beside(int view)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, let_go, (void *)(intptr_t)view) == 0)
		pthread_detach(thread);
	else
		close(view);
}

void scratch_free(struct scratch *scratch)
{
	int view = -1;

	if (!scratch->file)
		return;
	if (scratch->old_namespace >= 0) {
		view = open(scratch->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
		umount2(scratch->mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW);
		/* What the namespace still holds goes with the last process in it. */
		if (setns(scratch->old_namespace, CLONE_NEWNS) < 0)
			abort();
		close(scratch->old_namespace);
	}
	rmdir(scratch->mountpoint);
	unlink(scratch->file);
	if (view >= 0)
		let_go_beside(view);
	free(scratch->mountpoint);
	free(scratch->file);
	*scratch = (struct scratch){0};
}
