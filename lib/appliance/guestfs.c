/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "appliance/guestfs.h"

#include <errno.h>
#include <guestfs.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

static void guestfs_close_p(guestfs_h **g)
{
	if (*g)
		guestfs_close(*g);
}
#define CLEANUP_GUESTFS __attribute__((cleanup(guestfs_close_p)))

/* The error of the last libguestfs call; its text can hold bytes of the guest, which error_set
 * cleans. */
static int fail(guestfs_h *g, enum error_kind kind, const char *what, struct error *err)
{
	const char *text = guestfs_last_error(g);

	return error_set(err, kind, "appliance: %s: %.700s", what, text ? text : "no message");
}

static void write_event(guestfs_h *g, void *opaque, uint64_t event, int handle, int flags,
			const char *text, size_t len, const uint64_t *numbers, size_t n_numbers)
{
	const int *log_fd = opaque;
	struct error ignored = {0};

	(void)g, (void)event, (void)handle, (void)flags, (void)numbers, (void)n_numbers;
	file_write_all(*log_fd, text, len, &ignored);
	if (event != GUESTFS_EVENT_APPLIANCE)
		file_write_all(*log_fd, "\n", 1, &ignored);
}

/* The environment is not read; this is how the directory for sockets is set without it. */
static int set_socket_directory(guestfs_h *g, const char *directory)
{
	CLEANUP_FREE char *variable = xasprintf("XDG_RUNTIME_DIR=%s", directory);
	char *environment[] = {variable, NULL};

	return guestfs_parse_environment_list(g, environment);
}

static int configure(guestfs_h *g, const struct appliance_job *job)
{
	return set_socket_directory(g, job->work_dir) == 0 &&
			       guestfs_set_backend(g, "direct") == 0 &&
			       guestfs_set_backend_setting(g, job->kvm ? "force_kvm" : "force_tcg",
							   "1") == 0 &&
			       guestfs_set_tmpdir(g, job->work_dir) == 0 &&
			       guestfs_set_network(g, 0) == 0 &&
			       guestfs_set_memsize(g, (int)job->memory_mib) == 0 &&
			       guestfs_config(g, "-sandbox",
					      "on,obsolete=deny,elevateprivileges=deny,"
					      "spawn=deny,resourcecontrol=deny") == 0
		       ? 0
		       : -1;
}

static int add_raw(guestfs_h *g, const struct appliance_disk *disk)
{
	/* what a failed run leaves on a disk of ours is thrown away: no flush has to reach it */
	if (disk->writable)
		return guestfs_add_drive_opts(g, disk->raw_path, GUESTFS_ADD_DRIVE_OPTS_FORMAT,
					      "raw", GUESTFS_ADD_DRIVE_OPTS_CACHEMODE, "unsafe",
					      -1);
	return guestfs_add_drive_opts(g, disk->raw_path, GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw",
				      GUESTFS_ADD_DRIVE_OPTS_READONLY, 1, -1);
}

static int add_nbd(guestfs_h *g, const struct appliance_disk *disk)
{
	CLEANUP_FREE char *server = xasprintf("unix:%s", disk->socket);
	char *servers[] = {server, NULL};

	return guestfs_add_drive_opts(
		g, "", GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw", GUESTFS_ADD_DRIVE_OPTS_READONLY, 1,
		GUESTFS_ADD_DRIVE_OPTS_PROTOCOL, "nbd", GUESTFS_ADD_DRIVE_OPTS_SERVER, servers, -1);
}

static int launch(guestfs_h *g, const struct appliance_job *job, struct error *err)
{
	if (configure(g, job) < 0)
		return fail(g, ERROR_HOST, "configuration", err);
	for (size_t i = 0; i < job->n_disks; i++) {
		const struct appliance_disk *disk = &job->disks[i];

		if ((disk->socket ? add_nbd : add_raw)(g, disk) < 0)
			return fail(g, ERROR_HOST, disk->socket ? disk->socket : disk->raw_path,
				    err);
	}
	if (guestfs_launch(g) < 0)
		return fail(g, ERROR_HOST, "launch", err);
	return 0;
}

/* "/dev/sda", "/dev/sdb3"; a job has few disks. */
static char *device_name(size_t disk, unsigned partition)
{
	char letter = (char)('a' + disk);

	return partition ? xasprintf("/dev/sd%c%u", letter, partition)
			 : xasprintf("/dev/sd%c", letter);
}

static bool is_top_level(const char *path)
{
	return path[0] == '/' && path[1] && !strchr(path + 1, '/');
}

/* libguestfs hands a value over as a string: one that is none would be cut. */
static int set_xattr(guestfs_h *g, const char *path, const struct appliance_xattr *xattr,
		     struct error *err)
{
	CLEANUP_FREE char *value = xstrndup(xattr->value, xattr->size);

	if (strlen(value) != xattr->size)
		return error_set(err, ERROR_HOST,
				 "appliance: the root directory's attribute %s has bytes that "
				 "libguestfs cannot set",
				 xattr->name);
	if (guestfs_lsetxattr(g, xattr->name, value, (int)xattr->size, path) < 0)
		return fail(g, ERROR_HOST, xattr->name, err);
	return 0;
}

static int set_directory(guestfs_h *g, const struct appliance_directory *directory,
			 struct error *err)
{
	for (size_t i = 0; i < directory->n_xattrs; i++)
		if (set_xattr(g, directory->path, &directory->xattrs[i], err) < 0)
			return -1;
	if (guestfs_chown(g, (int)directory->uid, (int)directory->gid, directory->path) < 0 ||
	    guestfs_chmod(g, (int)directory->mode, directory->path) < 0 ||
	    guestfs_utimens(g, directory->path, directory->mtime_sec, directory->mtime_nsec,
			    directory->mtime_sec, directory->mtime_nsec) < 0)
		return fail(g, ERROR_HOST, directory->path, err);
	return 0;
}

static int mount_one(guestfs_h *g, const struct appliance_mount *mount, struct error *err)
{
	CLEANUP_FREE char *device = device_name(mount->disk, mount->partition);

	if (is_top_level(mount->target) && guestfs_mkmountpoint(g, mount->target) < 0)
		return fail(g, ERROR_HOST, mount->target, err);
	if (mount->upper && set_directory(g, mount->upper, err) < 0)
		return -1;
	if (guestfs_mount_vfs(g, mount->options, mount->type, device, mount->target) < 0)
		return fail(g, ERROR_HOST, mount->target, err);
	return 0;
}

static int run_program(guestfs_h *g, const struct appliance_job *job, struct error *err)
{
	CLEANUP_FREE char *output = guestfs_command(g, (char *const *)(uintptr_t)job->argv);

	if (!output)
		return fail(g, ERROR_GUEST, job->argv[0], err);
	return 0;
}

static int run_launched(guestfs_h *g, const struct appliance_job *job, struct error *err)
{
	for (size_t i = 0; i < job->n_directories; i++)
		if (guestfs_mkmountpoint(g, job->directories[i]) < 0)
			return fail(g, ERROR_HOST, job->directories[i], err);
	for (size_t i = 0; i < job->n_mounts; i++)
		if (mount_one(g, &job->mounts[i], err) < 0)
			return -1;
	if (run_program(g, job, err) < 0)
		return -1;
	if (guestfs_umount_all(g) < 0)
		return fail(g, ERROR_HOST, "unmounting", err);
	if (guestfs_shutdown(g) < 0)
		return fail(g, ERROR_HOST, "shutdown", err);
	return 0;
}

int guestfs_job_run(const struct appliance_job *job, struct error *err)
{
	CLEANUP_GUESTFS guestfs_h *g = guestfs_create_flags(GUESTFS_CREATE_NO_ENVIRONMENT |
							    GUESTFS_CREATE_NO_CLOSE_ON_EXIT);
	int log_fd = job->log_fd;

	if (!g)
		return error_os(err, ERROR_HOST, errno, "libguestfs");
	guestfs_set_error_handler(g, NULL, NULL);
	if (log_fd >= 0 &&
	    guestfs_set_event_callback(g, write_event,
				       GUESTFS_EVENT_APPLIANCE | GUESTFS_EVENT_LIBRARY |
					       GUESTFS_EVENT_WARNING,
				       0, &log_fd) < 0)
		return fail(g, ERROR_HOST, "log", err);
	return launch(g, job, err) < 0 ? -1 : run_launched(g, job, err);
}
