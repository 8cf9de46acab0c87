/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "appliance/guestfs.h"

#include <errno.h>
#include <string.h>

#include "appliance/console.h"
#include "appliance/libguestfs.h"
#include "base/file.h"
#include "base/memory.h"

static const struct libguestfs *lib; /* as soon as there is a handle */

static void guestfs_close_p(guestfs_h **g)
{
	if (*g)
		lib->close(*g);
}
#define CLEANUP_GUESTFS __attribute__((cleanup(guestfs_close_p)))

/* The handle, and what explains a failure of it. */
struct appliance {
	guestfs_h *g;
	const struct guestfs_job *run;
	struct console console;
	bool quit; /* QEMU has ended */
};

static void begin(const struct appliance *appliance, enum guestfs_phase phase, const char *what)
{
	appliance->run->phase(appliance->run->opaque, phase, what);
}

static int died(const struct appliance *appliance, const char *what, struct error *err)
{
	CLEANUP_FREE char *panic = console_find(&appliance->console, "Kernel panic");

	if (panic)
		return error_set(err, ERROR_BUSY, "appliance: %s: its kernel stopped: %.200s", what,
				 panic);
	return error_set(err, ERROR_BUSY,
			 "appliance: %s: its QEMU died: killed from outside, or out of memory?",
			 what);
}

/* The error of the last libguestfs call; its text can hold bytes of the guest. */
static int fail(const struct appliance *appliance, enum error_kind kind, const char *what,
		struct error *err)
{
	const char *text = lib->last_error(appliance->g);

	if (appliance->quit)
		return died(appliance, what, err);
	return error_set(err, kind, "appliance: %s: %.700s", what, text ? text : "no message");
}

/* QEMU that ends before it has started anything says why; else something stopped it. */
static int launch_failed(const struct appliance *appliance, struct error *err)
{
	CLEANUP_FREE char *words = console_find(&appliance->console, "qemu-system-");

	if (!words)
		words = console_find(&appliance->console, "qemu: ");
	if (appliance->quit && words)
		return error_set(err, ERROR_HOST, "appliance: launch: %.700s", words);
	return fail(appliance, ERROR_HOST, "launch", err);
}

static void on_event(guestfs_h *g, void *opaque, uint64_t event, int handle, int flags,
		     const char *text, size_t len, const uint64_t *numbers, size_t n_numbers)
{
	struct appliance *appliance = opaque;

	(void)g, (void)handle, (void)flags, (void)numbers, (void)n_numbers;
	appliance->quit |= event == GUESTFS_EVENT_SUBPROCESS_QUIT;
	console_write(&appliance->console, text, len);
	if (event == GUESTFS_EVENT_LIBRARY || event == GUESTFS_EVENT_WARNING)
		console_write(&appliance->console, "\n", 1);
}

/* The environment is not read; this is how the directory for sockets is set without it. */
static int set_socket_directory(guestfs_h *g, const char *directory)
{
	CLEANUP_FREE char *variable = xasprintf("XDG_RUNTIME_DIR=%s", directory);
	char *environment[] = {variable, NULL};

	return lib->parse_environment_list(g, environment);
}

/* Parameters go to QEMU's command line last one first, behind the disks. */
static int configure(guestfs_h *g, const struct guestfs_job *run)
{
	const struct appliance_job *job = run->job;

	return set_socket_directory(g, run->work_dir) == 0 && lib->set_backend(g, "direct") == 0 &&
			       lib->set_backend_setting(g, job->kvm ? "force_kvm" : "force_tcg",
							"1") == 0 &&
			       lib->set_path(g, run->appliance) == 0 &&
			       lib->set_tmpdir(g, run->work_dir) == 0 &&
			       lib->set_cachedir(g, run->work_dir) == 0 &&
			       lib->set_network(g, 0) == 0 &&
			       lib->set_memsize(g, (int)job->memory_mib) == 0 &&
			       lib->config(g, "-sandbox",
					   "on,obsolete=deny,elevateprivileges=deny,"
					   "spawn=deny,resourcecontrol=deny") == 0
		       ? 0
		       : -1;
}

/* What QEMU does by itself when the host's disk is full is to wait for somebody to make room. */
static int report_full_disk(guestfs_h *g, const char *drive)
{
	CLEANUP_FREE char *option = xasprintf("drive.%s.werror=report", drive);

	return lib->config(g, "-set", option);
}

/* Letters only: what libguestfs takes as a label. */
static char *disk_label(size_t disk)
{
	return xasprintf("disk%c", (char)('a' + disk));
}

char *appliance_disk_node(size_t disk)
{
	CLEANUP_FREE char *label = disk_label(disk);

	return xasprintf("/dev/disk/guestfs/%s", label);
}

/* Asked to keep a raw disk read-only, libguestfs lays an overlay over it whose format QEMU then has
 * to guess. */
static int add_raw(guestfs_h *g, const struct guestfs_job *run, size_t i)
{
	CLEANUP_FREE char *path = path_join(run->work_dir, run->job->disks[i].raw);
	CLEANUP_FREE char *label = disk_label(i);

	return lib->add_drive_opts(g, path, GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw",
				   GUESTFS_ADD_DRIVE_OPTS_CACHEMODE, "unsafe",
				   GUESTFS_ADD_DRIVE_OPTS_LABEL, label, -1);
}

/* Whoever serves the disk sees to it that it is kept. */
static int add_nbd(guestfs_h *g, const struct guestfs_job *run, size_t i)
{
	int read_only = !run->job->disks[i].writable;
	CLEANUP_FREE char *socket = path_join(run->work_dir, run->job->disks[i].socket);
	CLEANUP_FREE char *server = xasprintf("unix:%s", socket);
	CLEANUP_FREE char *label = disk_label(i);
	char *servers[] = {server, NULL};

	return lib->add_drive_opts(
		g, "", GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw", GUESTFS_ADD_DRIVE_OPTS_READONLY,
		read_only, GUESTFS_ADD_DRIVE_OPTS_CACHEMODE, "unsafe",
		GUESTFS_ADD_DRIVE_OPTS_PROTOCOL, "nbd", GUESTFS_ADD_DRIVE_OPTS_SERVER, servers,
		GUESTFS_ADD_DRIVE_OPTS_LABEL, label, -1);
}

static void note_kernel(guestfs_h *g, char *ret)
{
	struct guestfs_utsname *name = lib->utsname(g);

	if (!name)
		return;
	snprintf(ret, sizeof((struct appliance_outcome *)NULL)->kernel, "%s", name->uts_release);
	lib->free_utsname(name);
}

static int launch(const struct appliance *appliance, struct error *err)
{
	const struct guestfs_job *run = appliance->run;
	guestfs_h *g = appliance->g;

	begin(appliance, PHASE_LAUNCH, "launch");
	if (configure(g, run) < 0)
		return fail(appliance, ERROR_HOST, "configuration", err);
	for (size_t i = 0; i < run->job->n_disks; i++) {
		const struct appliance_disk *disk = &run->job->disks[i];
		CLEANUP_FREE char *drive = xasprintf("hd%zu", i);

		if ((disk->socket ? add_nbd : add_raw)(g, run, i) < 0 ||
		    report_full_disk(g, drive) < 0)
			return fail(appliance, ERROR_HOST, disk->socket ? disk->socket : disk->raw,
				    err);
	}
	if (report_full_disk(g, "appliance") < 0 || lib->launch(g) < 0)
		return launch_failed(appliance, err);
	note_kernel(g, run->kernel);
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
static int set_xattr(const struct appliance *appliance, const char *path,
		     const struct appliance_xattr *xattr, struct error *err)
{
	CLEANUP_FREE char *value = xstrndup(xattr->value, xattr->size);

	if (strlen(value) != xattr->size)
		return error_set(err, ERROR_HOST,
				 "appliance: the root directory's attribute %s has bytes that "
				 "libguestfs cannot set",
				 xattr->name);
	if (lib->lsetxattr(appliance->g, xattr->name, value, (int)xattr->size, path) < 0)
		return fail(appliance, ERROR_HOST, xattr->name, err);
	return 0;
}

static int set_directory(const struct appliance *appliance,
			 const struct appliance_directory *directory, struct error *err)
{
	guestfs_h *g = appliance->g;

	for (size_t i = 0; i < directory->n_xattrs; i++)
		if (set_xattr(appliance, directory->path, &directory->xattrs[i], err) < 0)
			return -1;
	if (lib->chown(g, (int)directory->uid, (int)directory->gid, directory->path) < 0 ||
	    lib->chmod(g, (int)directory->mode, directory->path) < 0 ||
	    lib->utimens(g, directory->path, directory->mtime_sec, directory->mtime_nsec,
			 directory->mtime_sec, directory->mtime_nsec) < 0)
		return fail(appliance, ERROR_HOST, directory->path, err);
	return 0;
}

static int mount_one(const struct appliance *appliance, const struct appliance_mount *mount,
		     struct error *err)
{
	CLEANUP_FREE char *device =
		mount->device ? xstrdup(mount->device) : device_name(mount->disk, mount->partition);
	guestfs_h *g = appliance->g;

	begin(appliance, PHASE_MOUNT, mount->target);
	if (is_top_level(mount->target) && lib->mkmountpoint(g, mount->target) < 0)
		return fail(appliance, ERROR_HOST, mount->target, err);
	if (mount->upper && set_directory(appliance, mount->upper, err) < 0)
		return -1;
	if (lib->mount_vfs(g, mount->options, mount->type, device, mount->target) < 0)
		return fail(appliance, ERROR_HOST, mount->target, err);
	return 0;
}

static int run_program(const struct appliance *appliance, struct error *err)
{
	const char *const *argv = appliance->run->job->argv;
	char *output;

	begin(appliance, PHASE_PROGRAM, argv[0]);
	output = lib->command(appliance->g, (char *const *)(uintptr_t)argv);
	begin(appliance, PHASE_SHUTDOWN, "shutdown");
	if (!output)
		return fail(appliance, ERROR_GUEST, argv[0], err);
	free(output);
	return 0;
}

static int end(const struct appliance *appliance, struct error *err)
{
	if (lib->umount_all(appliance->g) < 0)
		return fail(appliance, ERROR_HOST, "unmounting", err);
	if (lib->shutdown(appliance->g) < 0)
		return fail(appliance, ERROR_HOST, "shutdown", err);
	return 0;
}

static int run_launched(const struct appliance *appliance, struct error *err)
{
	const struct appliance_job *job = appliance->run->job;

	for (size_t i = 0; i < job->n_directories; i++)
		if (lib->mkmountpoint(appliance->g, job->directories[i]) < 0)
			return fail(appliance, ERROR_HOST, job->directories[i], err);
	for (size_t i = 0; i < job->n_mounts; i++)
		if (mount_one(appliance, &job->mounts[i], err) < 0)
			return -1;
	return run_program(appliance, err) < 0 ? -1 : end(appliance, err);
}

static guestfs_h *create(struct error *err)
{
	guestfs_h *g;

	lib = libguestfs_load(err);
	if (!lib)
		return NULL;
	g = lib->create_flags(GUESTFS_CREATE_NO_ENVIRONMENT | GUESTFS_CREATE_NO_CLOSE_ON_EXIT);
	if (!g)
		error_os(err, ERROR_HOST, errno, "libguestfs");
	return g;
}

int guestfs_job_run(const struct guestfs_job *run, struct error *err)
{
	CLEANUP_GUESTFS guestfs_h *g = create(err);
	struct appliance appliance = {.g = g, .run = run, .console = {.fd = run->job->log_fd}};

	if (!g)
		return -1;
	lib->set_error_handler(g, NULL, NULL);
	if (lib->set_event_callback(g, on_event,
				    GUESTFS_EVENT_APPLIANCE | GUESTFS_EVENT_LIBRARY |
					    GUESTFS_EVENT_WARNING | GUESTFS_EVENT_SUBPROCESS_QUIT,
				    0, &appliance) < 0)
		return fail(&appliance, ERROR_HOST, "log", err);
	return launch(&appliance, err) < 0 ? -1 : run_launched(&appliance, err);
}

void guestfs_job_version(struct buffer *ret)
{
	struct error ignored;
	CLEANUP_GUESTFS guestfs_h *g = create(&ignored);
	struct guestfs_version *version = g ? lib->version(g) : NULL;

	if (!version)
		return;
	buffer_printf(ret, "libguestfs %lld.%lld.%lld%s\n", (long long)version->major,
		      (long long)version->minor, (long long)version->release, version->extra);
	lib->free_version(version);
}
