/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/file.h"
#include "boot/install.h"
#include "fs/type.h"
#include "run/initramfs.h"

enum { PIECE = 16 << 20 };

/* What every run sets, whatever the family. */
static const char *const environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root",
	"USER=root",
	"LOGNAME=root",
	"SHELL=/bin/sh",
	"TERM=dumb",
	"LC_ALL=C.UTF-8",
	"SYSTEMD_OFFLINE=1",
	"NEEDRESTART_SUSPEND=1",
	"GRUB_DISABLE_OS_PROBER=true",
	NULL,
};

/* "vda3"; a name that ends in a digit needs a p before the partition. */
static char *device_name(const struct guest_filesystem *fs)
{
	if (fs->volume)
		return xstrdup(fs->volume->nodes[0]);
	if (fs->mount_source && strncmp(fs->mount_source, "/dev/", 5) == 0 &&
	    strncmp(fs->mount_source, "/dev/disk/", 10) != 0)
		return xstrdup(fs->mount_source);
	if (fs->partition == 0)
		return xasprintf("/dev/vd%c", (char)('a' + fs->disk % 26));
	return xasprintf("/dev/vd%c%u", (char)('a' + fs->disk % 26), fs->partition);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static const char *scheme_of(const struct guest *guest, size_t disk)
{
	const char *scheme = disk < guest->n_disks ? guest->disks[disk].partition_scheme : NULL;

	return scheme ? scheme : "none";
}

static void set_volume(const struct guest *guest, const struct guest_volume *volume,
		       struct job_filesystem *fs)
{
	size_t n_schemes = 0;

	fs->manager = xstrdup(volume->manager);
	fs->grub_drive = xstrdup(volume->grub);
	fs->nodes = xcalloc(volume->n_nodes, sizeof *fs->nodes);
	for (size_t i = 1; i < volume->n_nodes; i++)
		fs->nodes[i - 1] = xstrdup(volume->nodes[i]);
	fs->schemes = xcalloc(volume->n_members + 1, sizeof *fs->schemes);
	for (size_t i = 0; i < volume->n_members; i++)
		if (volume->members[i].partition)
			fs->schemes[n_schemes++] =
				xstrdup(scheme_of(guest, volume->members[i].disk));
}

static void add_filesystem(const struct guest *guest, const struct guest_filesystem *fs,
			   struct job *job)
{
	struct job_filesystem *ret = ARRAY_ADD(job->filesystems, job->n_filesystems);

	*ret = (struct job_filesystem){
		.device = device_name(fs),
		.mountpoint = copy(fs->mountpoint),
		.options = copy(fs->mount_options),
		.type = copy(fs->type),
		.grub_type = copy(fs_type_grub(fs->type)),
		.uuid = copy(fs->uuid),
		.label = copy(fs->label),
		.partuuid = copy(fs->partuuid),
		.scheme = xstrdup(scheme_of(guest, fs->disk)),
		.disk = fs->disk,
		.partition = fs->partition,
	};
	if (fs->volume)
		set_volume(guest, fs->volume, ret);
}

/* What programs take for the machine that they run on: see lib/boot/install.h. */
static int set_machine(const struct run_request *request, struct job *job, struct error *err)
{
	CLEANUP_BOOT_INSTALL struct boot_install install = {0};

	if (boot_install_read(request->tree, request->guest, &install, err) < 0)
		return -1;
	job->cmdline = steal(install.options);
	job->machine_id = steal(install.machine_id);
	if (install.entry_token)
		job_put(job, "/etc/kernel/entry-token", install.entry_token, 0644);
	if (install.crypttab)
		job_put(job, "/etc/crypttab", install.crypttab, 0644);
	return 0;
}

static void add_variable(struct job *job, size_t *n, char *variable)
{
	*ARRAY_ADD(job->environment, *n) = variable;
}

static void set_environment(const struct run_request *request, struct job *job)
{
	size_t n = 0;

	for (size_t i = 0; environment[i]; i++)
		add_variable(job, &n, xstrdup(environment[i]));
	for (size_t i = 0;
	     request->manager->family->environment && request->manager->family->environment[i]; i++)
		add_variable(job, &n, xstrdup(request->manager->family->environment[i]));
	if (request->source_date)
		add_variable(job, &n,
			     xasprintf("SOURCE_DATE_EPOCH=%llu",
				       (unsigned long long)request->source_date));
	add_variable(job, &n, NULL);
}

static bool removes_boot_tools(const struct run_request *request)
{
	const struct resolution *resolution = &request->plan->resolution;

	for (size_t i = 0; i < resolution->n_changes; i++) {
		const struct package_change *change = &resolution->changes[i];

		if (!change->to &&
		    package_has_role(request->manager->family, change->name, PACKAGE_BOOT_TOOLS))
			return true;
	}
	return false;
}

/* Nothing asks for the boot setup while packages are unpacked. */
static bool wants_stubs(const struct run_request *request, const struct package_command *command)
{
	return !command->unpacks && !(command->removes && removes_boot_tools(request));
}

static int set_commands(const struct run_request *request, struct job *job, struct error *err)
{
	struct package_commands commands = {0};

	if (request->manager->commands(&request->plan->resolution, JOB_PACKAGES, JOB_STATUS_FD,
				       &commands, err) < 0)
		return -1;
	for (size_t i = 0; i < commands.n_items; i++) {
		struct job_command *command = ARRAY_ADD(job->commands, job->n_commands);

		command->stage = steal(commands.items[i].stage);
		command->argv = steal(commands.items[i].argv);
		command->n_packages = commands.items[i].n_packages;
		command->stubs = wants_stubs(request, &commands.items[i]);
		command->status_in_output = commands.items[i].status_in_output;
		command->sets_mount_points = commands.items[i].sets_mount_points;
	}
	for (size_t i = 0; i < commands.n_files; i++)
		*ARRAY_ADD(job->files, job->n_files) =
			(struct job_file){.path = steal(commands.files[i].path),
					  .content = steal(commands.files[i].content),
					  .mode = 0644};
	package_commands_free(&commands);
	return 0;
}

static void set_puts(const struct run_request *request, struct job *job)
{
	const struct package_run_file *file = request->manager->family->run_files;

	for (; file && file->path; file++) {
		job_put(job, file->path, file->content, file->mode);
		job->puts[job->n_puts - 1].replaceable = true;
	}
}

static void set_copied_up(const struct run_request *request, struct job *job)
{
	const char *const *path = request->manager->family->copied_up;
	size_t n = 0;

	for (; path && *path; path++)
		*ARRAY_ADD(job->copied_up, n) = xstrdup(*path);
	*ARRAY_ADD(job->copied_up, n) = NULL;
}

struct job *job_prepare(const struct run_request *request, struct error *err)
{
	CLEANUP(job_free)
	struct job *job = xcalloc(1, sizeof *job);
	const struct guest *guest = request->guest;

	job->deadline_s = request->deadline_s;
	job->hostname = xstrdup(guest->identity.hostname ? guest->identity.hostname : "localhost");
	job->efi = guest->boot.firmware && strcmp(guest->boot.firmware, "uefi") == 0;
	for (size_t i = 0; i < guest->n_filesystems; i++)
		add_filesystem(guest, &guest->filesystems[i], job);
	set_environment(request, job);
	set_puts(request, job);
	set_copied_up(request, job);
	if (set_machine(request, job, err) < 0 || set_commands(request, job, err) < 0 ||
	    initramfs_prepare(request, job, err) < 0)
		return NULL;
	return steal(job);
}

static int copy_content(int from, int to, const char *path, struct error *err)
{
	ssize_t n = 1;

	while (n > 0)
		n = copy_file_range(from, NULL, to, NULL, PIECE, 0);
	/* Not between all kinds of file systems. */
	if (n < 0 && errno != ENOSPC)
		n = 1;
	while (n > 0)
		n = sendfile(to, from, NULL, PIECE);
	if (n < 0)
		return error_os(err, ERROR_IO, errno, "write %s", path);
	return 0;
}

static int package_copy(const struct run_request *request, const struct package_change *change,
			const char *directory, struct error *err)
{
	CLEANUP_FREE char *name = package_file_name(request->manager->family, change);
	CLEANUP_FREE char *path = path_join(directory, name);
	CLEANUP_CLOSE int from = mirror_package_open(request->snapshot, &change->sha256, err);
	CLEANUP_CLOSE int to = -1;

	if (from < 0)
		return -1;
	to = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (to < 0)
		return error_os(err, ERROR_IO, errno, "make %s", path);
	if (lseek(from, 0, SEEK_SET) < 0 || copy_content(from, to, path, err) < 0)
		return -1;
	if (fchmod(to, 0444) < 0)
		return error_os(err, ERROR_IO, errno, "make %s readable", path);
	return 0;
}

int packages_prepare(const struct run_request *request, const char *directory, struct error *err)
{
	const struct resolution *resolution = &request->plan->resolution;

	if (directory_make(directory, 0755, err) < 0)
		return -1;
	if (chmod(directory, 0755) < 0)
		return error_os(err, ERROR_IO, errno, "make %s readable", directory);
	for (size_t i = 0; i < resolution->n_changes; i++)
		if (resolution->changes[i].to &&
		    package_copy(request, &resolution->changes[i], directory, err) < 0)
			return -1;
	return 0;
}

uint64_t packages_size(const struct plan *plan)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < plan->resolution.n_changes; i++)
		if (plan->resolution.changes[i].to)
			sum += plan->resolution.changes[i].size;
	return sum;
}
