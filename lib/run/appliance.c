/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running in a libguestfs appliance.  In the appliance's chroot:
 *
 *     /payload    disk of ours: runner, job.json, packages/
 *     /scratch    disk of ours: upper.N and work.N of the overlays; log, report, capture come back
 *     /guest.N    the guest's file systems, read-only, journal not replayed; one that lies in an
 *                 encrypted container as a disk that we serve, so that no key is where guest
 *                 code runs
 *     /copies     those that were copied (fs/copies.h): the copies stand for them, so that neither
 *                 their drivers nor a key to them are where guest code runs
 *     /view       the overlay over the root, with the others where the guest has them
 *
 * The overlays are made through mount_vfs of libguestfs's stable interface: the kernel does not
 * look at the device that an overlay is given.
 */
#include "run/appliance.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/appliance.h"
#include "appliance/disk.h"
#include "appliance/kvm.h"
#include "base/file.h"
#include "disk/export.h"
#include "fs/copies.h"
#include "run/appliance_disk.h"
#include "run/appliance_mounts.h"
#include "run/capture_read.h"
#include "run/job.h"
#include "run/prepare.h"
#include "run/report.h"
#include "run/served.h"

#define PAYLOAD "payload.img"
#define SCRATCH "scratch.img"
#define COPIES	"copies"

enum {
	MEMORY_MIB = 2048,
	MARGIN_S = 600, /* the runner's own work around the guest's: snapshot, capture; emulated */
	MAX_DISKS = 20, /* of an image, and three of ours */
	ALL_DISKS = 25, /* /dev/sda to /dev/sdy: the appliance has one, too */
	REPORT_LIMIT = 64 << 20,
	CONSOLE_TAIL = 64 << 10,
};
static const uint64_t scratch_size = UINT64_C(64) << 30; /* sparse */
static const uint64_t payload_margin = UINT64_C(64) << 20;

struct appliance_run {
	const struct run_request *request;
	char *directory; /* private, with a short name: sockets are made in it */
	char *payload, *scratch, *console;
	struct fixed_appliance *fixed;
	struct appliance_outcome outcome;
	struct job *job;
	struct image_export *exports[MAX_DISKS];
	char *sockets[MAX_DISKS]; /* their names in the directory */
	struct image *copies;	  /* NULL: there are none */
	struct image_export *copies_export;
	struct served *served; /* behind all other disks */
	struct appliance_mounts mounts;
	bool kvm;
};

static void appliance_run_close(struct appliance_run *run)
{
	struct error ignored;

	served_free(run->served);
	image_export_free(run->copies_export);
	image_free(run->copies);
	for (size_t i = 0; i < MAX_DISKS; i++) {
		image_export_free(run->exports[i]);
		free(run->sockets[i]);
	}
	appliance_mounts_clear(&run->mounts);
	job_free(run->job);
	fixed_appliance_free(run->fixed);
	if (run->directory)
		directory_remove(run->directory, &ignored);
	free(run->directory);
	free(run->payload);
	free(run->scratch);
	free(run->console);
}

static int write_file(const char *directory, const char *name, const void *data, size_t len,
		      mode_t mode, struct error *err)
{
	CLEANUP_FREE char *path = path_join(directory, name);

	return file_replace(path, data, len, mode, err);
}

static void set_places(struct job *job)
{
	job_place_path(&job->root, "/view");
	job_place_path(&job->packages, "/payload/packages");
	job_place_path(&job->log, "/scratch/log");
	job_place_path(&job->report, "/scratch/report");
	job_place_path(&job->capture, "/scratch/capture");
	job->make_namespaces = true;
}

static int make_payload(struct appliance_run *run, struct error *err)
{
	CLEANUP_FREE char *directory = path_join(run->directory, "payload");
	CLEANUP_FREE char *packages = path_join(directory, "packages");
	CLEANUP_FREE char *text = NULL;
	uint64_t size = packages_size(run->request->plan), runner_size = 0;

	run->job = job_prepare(run->request, err);
	if (!run->job)
		return -1;
	set_places(run->job);
	text = job_to_json(run->job);
	if (directory_make(directory, 0755, err) < 0 ||
	    appliance_disk_add_runner(run->request->runner, directory, &runner_size, err) < 0 ||
	    write_file(directory, "job.json", text, strlen(text), 0644, err) < 0 ||
	    packages_prepare(run->request, packages, err) < 0)
		return -1;
	size += runner_size + strlen(text);
	if (appliance_disk_make(run->payload, directory, size + size / 8 + payload_margin, err) < 0)
		return -1;
	return directory_remove(directory, err);
}

static int make_scratch(struct appliance_run *run, struct error *err)
{
	static const char *const names[] = {"upper", "work"};
	CLEANUP_FREE char *directory = path_join(run->directory, "scratch");

	for (size_t i = 0; i < 2 * tree_n_mounts(run->request->tree); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s.%zu", directory, names[i % 2], i / 2);

		if (directory_make(path, 0755, err) < 0)
			return -1;
	}
	if (appliance_disk_make(run->scratch, directory, scratch_size, err) < 0)
		return -1;
	return directory_remove(directory, err);
}

/* All copies of an image lie on one disk. */
static int export_copies(struct appliance_run *run, struct error *err)
{
	const struct image_options options = {0};
	CLEANUP_FREE char *socket = path_join(run->directory, COPIES);
	const char *disk = NULL, *ignored;

	for (size_t i = 0; !disk && i < tree_n_mounts(run->request->tree); i++)
		disk = fs_copy_disk(tree_fs(run->request->tree, i), &ignored);
	if (!disk)
		return 0;
	run->copies = image_open(disk, &options, err);
	if (!run->copies)
		return -1;
	run->mounts.copied = true;
	run->copies_export = image_export(run->copies, socket, err);
	return run->copies_export ? 0 : -1;
}

static int export_images(struct appliance_run *run, struct error *err)
{
	for (size_t i = 0; i < run->request->n_images; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%zu", run->directory, i);

		run->sockets[i] = xasprintf("%zu", i);
		run->exports[i] = image_export(run->request->images[i], path, err);
		if (!run->exports[i])
			return -1;
	}
	return 0;
}

static int launch(struct appliance_run *run, struct error *err)
{
	static const char *const argv[] = {"/payload/runner", "/payload/job.json", NULL};
	static const char *const directories[] = {"/dev", "/proc", "/sys"};
	struct appliance_disk disks[MAX_DISKS + 3 + ALL_DISKS] = {0};
	struct error problem = {0};
	size_t n = run->request->n_images;
	int status;
	CLEANUP_CLOSE int console = open(run->console, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct appliance_job job = {.fixed = run->fixed,
				    .disks = disks,
				    .n_disks = appliance_mounts_disks(&run->mounts, run->request) +
					       served_count(run->served),
				    .mounts = run->mounts.items,
				    .n_mounts = run->mounts.n_items,
				    .directories = directories,
				    .n_directories = 3,
				    .argv = argv,
				    .kvm = run->kvm,
				    .work_dir = run->directory,
				    .memory_mib = MEMORY_MIB,
				    .deadlines.program = run->request->deadline_s + MARGIN_S,
				    .log_fd = console,
				    .monitor = run->request->monitor};

	if (console < 0)
		return error_os(err, ERROR_IO, errno, "%s", run->console);
	for (size_t i = 0; i < n; i++)
		disks[i].socket = run->sockets[i];
	disks[n].raw = PAYLOAD;
	disks[n + 1].raw = SCRATCH;
	disks[n + 2].socket = COPIES;
	if (served_start(run->served, disks + appliance_mounts_disks(&run->mounts, run->request),
			 err) < 0)
		return -1;
	status = appliance_run(&job, &run->outcome, err);
	/* An error that our own side met explains the other. */
	if (served_stop(run->served, &problem) == 0)
		return status;
	*err = problem;
	return -1;
}

/* The appliance failed: what its kernel said last is the log. */
static void keep_console(const struct appliance_run *run)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_CLOSE int fd = open(run->console, O_RDONLY | O_CLOEXEC);
	struct error ignored = {0};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (st.st_size > CONSOLE_TAIL)
		lseek(fd, st.st_size - CONSOLE_TAIL, SEEK_SET);
	if (file_read_fd(fd, run->console, 2 * CONSOLE_TAIL, &text, &ignored) == 0 && text.len)
		file_replace(run->request->log_path, text.data, text.len, 0600, &ignored);
}

static int read_report(const char *path, const struct run_request *request,
		       struct run_result *result, struct error *err)
{
	CLEANUP_REPORT struct report report = {
		.result = result, .manager = request->manager, .monitor = request->monitor};
	CLEANUP_BUFFER struct buffer text = {0};

	if (file_read(path, REPORT_LIMIT, &text, err) < 0 ||
	    report_read(&report, text.data ? text.data : "", text.len, err) < 0)
		return -1;
	return report_outcome(&report, request->log_path, request->deadline_s, err);
}

static int read_capture(const char *path, const struct run_request *request,
			struct run_result *result, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct capture *capture;

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	capture =
		capture_read(fd, request->scratch_dir, request->copy_limit, request->monitor, err);
	if (!capture)
		return -1;
	run_result_take(result, capture, request->manager->family);
	return 0;
}

static int read_results(const struct appliance_run *run, struct run_result *result,
			struct error *err)
{
	const struct run_request *request = run->request;
	CLEANUP_FREE char *report = path_join(run->directory, "report");
	CLEANUP_FREE char *capture = path_join(run->directory, "capture");
	CLEANUP_FREE char *log = path_join(run->directory, "log");
	struct appliance_file files[] = {
		{.name = "log", .to = log, .limit = 2 * JOB_LOG_LIMIT},
		{.name = "report", .to = report, .limit = REPORT_LIMIT},
		{.name = "capture", .to = capture, .limit = 2 * request->copy_limit},
	};
	CLEANUP_BUFFER struct buffer text = {0};

	if (appliance_disk_read(run->scratch, run->directory, files, 3, err) < 0)
		return error_prefix(err, "the appliance's results");
	if (!files[0].found || !files[1].found || !files[2].found)
		return error_set(err, ERROR_HOST, "the appliance left no results");
	if (file_read(log, 2 * JOB_LOG_LIMIT, &text, err) < 0 ||
	    file_replace(request->log_path, text.data, text.len, 0600, err) < 0 ||
	    read_report(report, request, result, err) < 0)
		return -1;
	return read_capture(capture, request, result, err);
}

/* What the guest's programs and the runner say of a full disk is that input or output failed. */
static int explain(const struct appliance_run *run, struct error *err)
{
	if (!run->outcome.disk_full || err->kind == ERROR_SPACE)
		return -1;
	err->kind = ERROR_SPACE;
	return error_prefix(err, "no space left in %s while the appliance ran",
			    run->request->scratch_dir);
}

static void name_appliance(const struct appliance_run *run, struct run_result *result)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&run->fixed->digest, hex);
	result->executor = xstrdup("appliance");
	result->accelerator = xstrdup(run->kvm ? "kvm" : "tcg");
	result->appliance = xstrdup(hex);
	result->appliance_kernel = xstrdup(run->outcome.kernel);
}

static int run_in(struct appliance_run *run, struct run_result *result, struct error *err)
{
	struct error no_kvm = {0};

	if (run->request->n_images > MAX_DISKS)
		return error_set(err, ERROR_HOST, "the appliance takes at most %d disks",
				 MAX_DISKS);
	run->directory = directory_make_temporary(run->request->scratch_dir, "a", err);
	if (!run->directory)
		return -1;
	run->payload = path_join(run->directory, PAYLOAD);
	run->scratch = path_join(run->directory, SCRATCH);
	run->console = path_join(run->directory, "console");
	run->served = served_new(run->directory);
	run->kvm = kvm_usable(NULL, &no_kvm) == 0;
	run->fixed =
		fixed_appliance_open(run->request->appliance_cache, run->request->monitor, err);
	if (!run->fixed)
		return -1;
	monitor_progress(run->request->monitor, "view", NULL, 0, 0);
	if (make_payload(run, err) < 0 || make_scratch(run, err) < 0 ||
	    export_copies(run, err) < 0 ||
	    appliance_mounts_plan(&run->mounts, run->request, run->served, err) < 0 ||
	    export_images(run, err) < 0)
		return -1;
	if (appliance_mounts_disks(&run->mounts, run->request) + served_count(run->served) >
	    ALL_DISKS)
		return error_set(err, ERROR_HOST,
				 "the appliance takes at most %d disks and volumes", ALL_DISKS);
	if (launch(run, err) < 0) {
		keep_console(run);
		return error_prefix(err, "log: %s", run->request->log_path);
	}
	name_appliance(run, result);
	return read_results(run, result, err) < 0 ? explain(run, err) : 0;
}

static int run_in_appliance(const struct run_request *request, struct run_result *ret,
			    struct error *err)
{
	__attribute__((cleanup(appliance_run_close))) struct appliance_run run = {.request =
											  request};
	struct run_result result = {0};

	if (run_in(&run, &result, err) < 0) {
		run_result_free(&result);
		return -1;
	}
	*ret = result;
	return 0;
}

const struct executor appliance_executor = {
	.name = "appliance", .available = appliance_available, .run = run_in_appliance};
