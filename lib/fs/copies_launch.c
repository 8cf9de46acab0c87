/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The appliances of the copies.  Their disks, in this order: the guest's file systems, each as a
 * whole disk that we serve; ours with the runner and its job; the scratch disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/appliance.h"
#include "appliance/disk.h"
#include "appliance/kvm.h"
#include "base/file.h"
#include "disk/block_server.h"
#include "fs/copies_impl.h"

#define PAYLOAD "payload.img"
#define SCRATCH "scratch.img"
#define RESULT	"result.json"

enum { MEMORY_MIB = 1024, MAX_DISKS = 24, DEADLINE_S = 4 * 3600, RESULT_LIMIT = 1 << 20 };
static const uint64_t scratch_size = UINT64_C(256) << 30; /* sparse */
static const uint64_t payload_margin = UINT64_C(32) << 20;

struct launch {
	const struct copies *copies;
	char *directory; /* private, with a short name: sockets are made in it */
	struct fixed_appliance *fixed;
	struct appliance_disk disks[MAX_DISKS];
	char *sockets[MAX_DISKS]; /* their names in the directory, and their paths */
	char *paths[MAX_DISKS];
	struct block_export exports[MAX_DISKS];
	size_t n_disks, n_exports;
	size_t *numbers; /* of the disk of each source, or SIZE_MAX */
	struct block_server *server;
};

static void launch_clear(struct launch *launch)
{
	struct error ignored;

	block_server_free(launch->server);
	for (size_t i = 0; i < launch->n_disks; i++) {
		free(launch->sockets[i]);
		free(launch->paths[i]);
	}
	free(launch->numbers);
	fixed_appliance_free(launch->fixed);
	if (launch->directory)
		directory_remove(launch->directory, &ignored);
	free(launch->directory);
}
#define CLEANUP_LAUNCH __attribute__((cleanup(launch_clear)))

static int launch_begin(struct launch *launch, const struct copies *copies, struct error *err)
{
	launch->copies = copies;
	launch->numbers = xcalloc(copies->n_sources + 1, sizeof *launch->numbers);
	for (size_t i = 0; i < copies->n_sources; i++)
		launch->numbers[i] = SIZE_MAX;
	launch->directory = directory_make_temporary(copies->host.work_dir, "c", err);
	if (!launch->directory)
		return -1;
	launch->fixed =
		fixed_appliance_open(copies->host.appliance_cache, copies->host.monitor, err);
	return launch->fixed ? 0 : -1;
}

static int add_served(struct launch *launch, struct block *block, bool writable, struct error *err)
{
	size_t n = launch->n_disks;

	if (n == MAX_DISKS - 2)
		return error_set(err, ERROR_HOST, "the appliance takes at most %d file systems",
				 MAX_DISKS - 2);
	launch->sockets[n] = xasprintf("%zu", n);
	launch->paths[n] = path_join(launch->directory, launch->sockets[n]);
	launch->disks[n] =
		(struct appliance_disk){.socket = launch->sockets[n], .writable = writable};
	launch->exports[launch->n_exports++] =
		(struct block_export){block, writable, launch->paths[n]};
	launch->n_disks++;
	return 0;
}

static int add_source(struct launch *launch, size_t source, bool writable, struct error *err)
{
	if (launch->numbers[source] != SIZE_MAX)
		return 0;
	launch->numbers[source] = launch->n_disks;
	return add_served(launch, launch->copies->sources[source].block, writable, err);
}

static void add_raw(struct launch *launch, const char *name)
{
	launch->disks[launch->n_disks++] = (struct appliance_disk){.raw = name};
}

static json_t *words(const char *const *list)
{
	json_t *array = json_array();

	for (; list && *list; list++)
		json_array_append_new(array, json_string(*list));
	return array;
}

static json_t *describe_source(const struct launch *launch, size_t i)
{
	const struct copies_source *source = &launch->copies->sources[i];
	const struct copied_type *type = copied_type_find(source->type);
	CLEANUP_FREE char *device = NULL;
	json_t *json = json_object();

	if (launch->numbers[i] != SIZE_MAX)
		device = appliance_disk_node(launch->numbers[i]);
	json_put_string(json, "device", device ? device : "/dev/null");
	json_put_u64(json, "disk", source->disk);
	json_put_u64(json, "partition", source->partition);
	json_put_string(json, "type", type->driver);
	json_put_bytes(json, "uuid", source->uuid);
	json_put_bytes(json, "label", source->label);
	json_put_bytes(json, "partuuid", source->partuuid);
	json_put_bytes(json, "partlabel", source->partlabel);
	json_put(json, "nodes", json_strings(source->nodes, source->n_nodes));
	json_put_string(json, "options", type->options);
	json_put_string(json, "part_option", type->part_option);
	json_put(json, "root_parts", words(type->root_parts));
	json_put(json, "aliases", words(type->aliases));
	json_put_bool(json, "limited", type->limits != NULL);
	return json;
}

static json_t *describe_sources(const struct launch *launch)
{
	json_t *volumes = json_array();

	for (size_t i = 0; i < launch->copies->n_sources; i++)
		json_array_append_new(volumes, describe_source(launch, i));
	return volumes;
}

/* The runner, its job, and where there are any the changes. */
static int make_payload(const struct launch *launch, const json_t *job,
			const struct buffer *changes, struct error *err)
{
	CLEANUP_FREE char *directory = path_join(launch->directory, "payload");
	CLEANUP_FREE char *image = path_join(launch->directory, PAYLOAD);
	CLEANUP_FREE char *job_path = path_join(directory, "job.json");
	CLEANUP_FREE char *changes_path = path_join(directory, "changes");
	uint64_t size = payload_margin, runner_size;

	if (directory_make(directory, 0755, err) < 0 ||
	    appliance_disk_add_runner(launch->copies->host.runner, directory, &runner_size, err) <
		    0 ||
	    json_write_file(job_path, job, 0644, err) < 0)
		return -1;
	if (changes && file_replace(changes_path, changes->data, changes->len, 0644, err) < 0)
		return -1;
	size += runner_size + (changes ? 2 * changes->len : 0);
	if (appliance_disk_make(image, directory, size, err) < 0)
		return -1;
	return directory_remove(directory, err);
}

static int make_scratch(const struct launch *launch, struct error *err)
{
	CLEANUP_FREE char *directory = path_join(launch->directory, "scratch");
	CLEANUP_FREE char *image = path_join(launch->directory, SCRATCH);

	if (directory_make(directory, 0755, err) < 0 ||
	    appliance_disk_make(image, directory, scratch_size, err) < 0)
		return -1;
	return directory_remove(directory, err);
}

/* What a damaged file system makes of a program is told like that of one which does not open. */
static int explain(struct error *err)
{
	if (err->kind == ERROR_GUEST)
		err->kind = ERROR_IMAGE;
	return error_prefix(err, "file systems that an appliance reads");
}

/* The two last disks are the payload and the scratch disk. */
static int run(struct launch *launch, const char *direction, const char *scratch_options,
	       struct error *err)
{
	const char *const argv[] = {"/payload/runner", direction, "/payload/job.json", NULL};
	static const char *const directories[] = {"/dev", "/proc", "/sys"};
	const struct appliance_mount mounts[] = {
		{.disk = launch->n_disks - 2,
		 .type = "ext4",
		 .options = "ro",
		 .target = "/payload"},
		{.disk = launch->n_disks - 1,
		 .type = "ext4",
		 .options = scratch_options,
		 .target = "/scratch"},
	};
	struct error no_kvm = {0}, problem = {0};
	struct appliance_outcome outcome;
	CLEANUP_FREE char *console_path = path_join(launch->directory, "console");
	CLEANUP_CLOSE int console = open(console_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const struct appliance_job job = {.fixed = launch->fixed,
					  .disks = launch->disks,
					  .n_disks = launch->n_disks,
					  .mounts = mounts,
					  .n_mounts = 2,
					  .directories = directories,
					  .n_directories = 3,
					  .argv = argv,
					  .kvm = kvm_usable(NULL, &no_kvm) == 0,
					  .work_dir = launch->directory,
					  .memory_mib = MEMORY_MIB,
					  .deadlines.program = DEADLINE_S,
					  .log_fd = console,
					  .monitor = launch->copies->host.monitor};
	int status;

	if (console < 0)
		return error_os(err, ERROR_IO, errno, "%s", console_path);
	launch->server = block_server_start(launch->exports, launch->n_exports, err);
	if (!launch->server)
		return -1;
	status = appliance_run(&job, &outcome, err);
	/* An error that our own side met explains the other. */
	if (block_server_stop(steal(launch->server), &problem) < 0) {
		*err = problem;
		return -1;
	}
	return status < 0 ? explain(err) : 0;
}

static int read_result(const char *image, struct buffer *ret, struct error *err)
{
	CLEANUP(block_free)
	struct block *block = block_open_file(image, err);
	CLEANUP(fs_free)
	struct fs *fs = block ? fs_open(block, err) : NULL;
	uint64_t ino;
	ssize_t n;

	if (!fs || fs_lookup(fs, fs_root(fs), RESULT, &ino, err) < 0)
		return -1;
	if (ino == 0)
		return error_set(err, ERROR_HOST, "the appliance left no result");
	n = fs_read(fs, ino, buffer_reserve(ret, RESULT_LIMIT), RESULT_LIMIT, 0, err);
	if (n < 0)
		return -1;
	ret->len += (size_t)n;
	return 0;
}

/* The result names the trees; with the disk it becomes the directory of the copies. */
static int keep(const struct launch *launch, struct error *err)
{
	const struct copies *copies = launch->copies;
	CLEANUP_FREE char *image = path_join(launch->directory, SCRATCH);
	CLEANUP_FREE char *made = path_join(launch->directory, "copies");
	CLEANUP_FREE char *to = path_join(made, COPIES_IMAGE);
	CLEANUP_FREE char *trees = path_join(made, COPIES_TREES);
	CLEANUP_BUFFER struct buffer text = {0}, document = {0};

	if (read_result(image, &text, err) < 0)
		return -1;
	buffer_puts(&document, "{\"trees\":");
	buffer_append(&document, text.data, text.len);
	buffer_puts(&document, "}");
	if (directory_make(made, 0700, err) < 0 ||
	    file_replace(trees, document.data, document.len, 0600, err) < 0)
		return -1;
	if (rename(image, to) < 0 || rename(made, copies->directory) < 0)
		return error_os(err, ERROR_IO, errno, "%s", copies->directory);
	return 0;
}

int copies_launch_out(const struct copies *copies, const char *fstab, struct error *err)
{
	CLEANUP_LAUNCH struct launch launch = {0};
	CLEANUP_JSON json_t *job = json_object();

	monitor_progress(copies->host.monitor, "copy", NULL, 0, 0);
	if (launch_begin(&launch, copies, err) < 0)
		return -1;
	for (size_t i = 0; i < copies->n_sources; i++)
		if (add_source(&launch, i, false, err) < 0)
			return -1;
	add_raw(&launch, PAYLOAD);
	add_raw(&launch, SCRATCH);
	json_put(job, "volumes", describe_sources(&launch));
	json_put_bytes(job, "fstab", fstab);
	json_put_string(job, "target", "/scratch");
	json_put_string(job, "result", "/scratch/" RESULT);
	if (make_payload(&launch, job, NULL, err) < 0 || make_scratch(&launch, err) < 0 ||
	    run(&launch, "copy-out", "noatime", err) < 0)
		return -1;
	return keep(&launch, err);
}

static json_t *describe_trees(const struct copies *copies)
{
	json_t *trees = json_array();

	for (size_t i = 0; i < copies->n_trees; i++) {
		const struct copies_tree *tree = &copies->trees[i];
		json_t *json = json_object();

		json_put_u64(json, "volume", tree->info.source);
		json_put_bytes(json, "part", tree->info.part);
		json_put_string(json, "directory", tree->changed ? tree->directory : NULL);
		json_array_append_new(trees, json);
	}
	return trees;
}

int copies_launch_in(struct copies *copies, struct error *err)
{
	CLEANUP_LAUNCH struct launch launch = {0};
	CLEANUP_JSON json_t *job = json_object();

	if (launch_begin(&launch, copies, err) < 0)
		return -1;
	for (size_t i = 0; i < copies->n_trees; i++)
		if (copies->trees[i].changed &&
		    add_source(&launch, copies->trees[i].info.source, true, err) < 0)
			return -1;
	add_raw(&launch, PAYLOAD);
	if (add_served(&launch, copies->block, false, err) < 0)
		return -1;
	json_put(job, "volumes", describe_sources(&launch));
	json_put(job, "trees", describe_trees(copies));
	json_put_string(job, "source", "/scratch");
	json_put_string(job, "changes", "/payload/changes");
	if (make_payload(&launch, job, &copies->changes, err) < 0)
		return -1;
	return run(&launch, "copy-in", "ro", err);
}
