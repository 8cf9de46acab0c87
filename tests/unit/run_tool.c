/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs commands, or real package files, in the sandbox on a real image: what the scripts of
 * tests/image/sandbox-*.sh and tests/hostile/script-*.sh are made of.
 *
 *     run_tool IMAGE RUNNER WORK LOG DEADLINE sh COMMAND-LINE
 *     run_tool IMAGE RUNNER WORK LOG DEADLINE debs FILE.deb...
 *
 * Prints the result as JSON and a line per touched path; exits with the kind of the error.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "boot/boot.h"
#include "disk/image.h"
#include "guest/guest.h"
#include "run/run.h"

struct setup {
	struct image *image;
	struct block *block;
	struct guest *guest;
	struct tree *tree;
	struct plan plan;
	struct mirror_snapshot snapshot;
};

static char *command_line;
static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static bool is_stopped(void *opaque)
{
	(void)opaque;
	return stopped;
}

static void say(void *opaque, enum log_level level, const char *msg)
{
	(void)opaque;
	fprintf(stderr, "%s: %s\n", level == LOG_LEVEL_WARNING ? "warning" : "info", msg);
}

static void show(void *opaque, const struct progress *progress)
{
	(void)opaque;
	if (getenv("RUN_TOOL_PROGRESS") && strcmp(progress->stage, "view") != 0)
		fprintf(stderr, "progress: %s %s %llu/%llu\n", progress->stage,
			progress->object ? progress->object : "-",
			(unsigned long long)progress->done, (unsigned long long)progress->total);
}

static const struct monitor monitor = {.log = say, .progress = show, .cancelled = is_stopped};

static int fail(const struct error *err)
{
	fprintf(stderr, "run_tool: %s: %s\n", error_kind_name(err->kind), err->msg);
	return err->kind;
}

static int shell_commands(const struct resolution *resolution, const char *package_dir,
			  int status_fd, struct package_commands *ret, struct error *err)
{
	struct package_command *command = ARRAY_ADD(ret->items, ret->n_items);

	(void)resolution;
	(void)package_dir;
	(void)status_fd;
	(void)err;
	command->stage = xstrdup("configure");
	command->argv = xcalloc(4, sizeof *command->argv);
	command->argv[0] = xstrdup("sh");
	command->argv[1] = xstrdup("-c");
	command->argv[2] = xstrdup(command_line);
	command->sets_mount_points = true;
	return 0;
}

static void add_step(struct resolution *resolution, enum package_operation operation, size_t change)
{
	*ARRAY_ADD(resolution->steps, resolution->n_steps) =
		(struct package_step){.operation = operation, .change = change};
}

/* NAME_VERSION_ARCH.deb; the file goes into the store under its digest. */
static int add_deb(struct setup *setup, const char *path, struct error *err)
{
	struct resolution *resolution = &setup->plan.resolution;
	struct package_change *change = ARRAY_ADD(resolution->changes, resolution->n_changes);
	const char *slash = strrchr(path, '/');
	CLEANUP_FREE char *name = xstrdup(slash ? slash + 1 : path);
	CLEANUP_FREE char *directory = NULL, *stored = NULL;
	char hex[DIGEST_HEX_SIZE], *rest = NULL;
	CLEANUP_BUFFER struct buffer content = {0};
	struct stat st;

	name[strlen(name) - 4] = '\0';
	change->name = xstrdup(strtok_r(name, "_", &rest));
	change->to = xstrdup(strtok_r(NULL, "_", &rest));
	change->architecture = xstrdup(strtok_r(NULL, "_", &rest));
	if (stat(path, &st) < 0 || digest_of_file(path, &change->sha256, err) < 0 ||
	    file_read(path, 1 << 30, &content, err) < 0)
		return -1;
	change->size = (uint64_t)st.st_size;
	change->installed_size = 5 * change->size;
	digest_to_hex(&change->sha256, hex);
	directory = xasprintf("%s/%.2s", setup->snapshot.package_root, hex);
	stored = xasprintf("%s/%s", directory, hex);
	if (directory_make(directory, 0755, err) < 0)
		return -1;
	return access(stored, F_OK) == 0
		       ? 0
		       : file_replace(stored, content.data, content.len, 0444, err);
}

static int add_debs(struct setup *setup, char **paths, struct error *err)
{
	size_t n = 0;

	for (; paths[n]; n++)
		if (add_deb(setup, paths[n], err) < 0)
			return -1;
	for (size_t i = 0; i < n; i++)
		add_step(&setup->plan.resolution, PACKAGE_UNPACK, i);
	for (size_t i = 0; i < n; i++)
		add_step(&setup->plan.resolution, PACKAGE_CONFIGURE, i);
	return 0;
}

static int open_image(struct setup *setup, const char *path, const char *work, struct error *err)
{
	const struct image_options options = {0};
	const struct guest_access access = {.writable = false};

	setup->image = image_open(path, &options, err);
	if (!setup->image)
		return -1;
	setup->block = image_attach(setup->image, false, work, err);
	if (!setup->block)
		return -1;
	return guest_open((const struct image *const *)&setup->image, &setup->block, 1, &access,
			  &setup->guest, &setup->tree, err);
}

static void print_entry(const struct capture_entry *entry)
{
	uint64_t content = 0;

	for (size_t i = 0; i < entry->n_extents; i++)
		content += entry->extents[i].length;
	printf("T %s %o %u:%u nlink=%u size=%llu content=%llu origin=%s target=%s", entry->path,
	       entry->stat.mode, entry->stat.uid, entry->stat.gid, entry->stat.nlink,
	       (unsigned long long)entry->stat.size, (unsigned long long)content,
	       entry->origin_path ? entry->origin_path : "-", entry->target ? entry->target : "-");
	for (size_t i = 0; i < entry->xattrs.n_items; i++)
		printf(" %s=%zu", entry->xattrs.items[i].name, entry->xattrs.items[i].size);
	putchar('\n');
}

static void print_result(const struct run_result *result)
{
	CLEANUP_JSON json_t *json = run_result_to_json(result);
	CLEANUP_FREE char *text = json_to_text(json);

	fputs(text, stdout);
	for (size_t i = 0; i < result->capture->n_entries; i++)
		if (result->capture->entries[i].touched)
			print_entry(&result->capture->entries[i]);
}

static int run(struct setup *setup, char **argv, struct error *err)
{
	static struct package_manager manager;
	struct run_result result = {0};
	struct run_request request = {.guest = setup->guest,
				      .tree = setup->tree,
				      .images = (const struct image *const *)&setup->image,
				      .n_images = 1,
				      .plan = &setup->plan,
				      .snapshot = &setup->snapshot,
				      .manager = package_manager_of(package_family_by_name("deb")),
				      .scratch_dir = argv[3],
				      .runner = argv[2],
				      .log_path = argv[4],
				      .deadline_s = (unsigned)atoi(argv[5]),
				      .copy_limit = 16ull << 30,
				      .monitor = &monitor};
	const char *limit = getenv("RUN_TOOL_COPY_LIMIT");
	const struct executor *executor = executor_choose("sandbox", true, err);

	if (limit)
		request.copy_limit = strtoull(limit, NULL, 10);
	if (strcmp(argv[6], "sh") == 0) {
		manager = *request.manager;
		manager.commands = shell_commands;
		request.manager = &manager;
		command_line = argv[7];
	} else if (add_debs(setup, argv + 7, err) < 0) {
		return -1;
	}
	if (!executor || executor->run(&request, &result, err) < 0)
		return -1;
	print_result(&result);
	run_result_free(&result);
	return 0;
}

static void setup_clear(struct setup *setup)
{
	resolution_free(&setup->plan.resolution);
	free(setup->snapshot.package_root);
	tree_free(setup->tree);
	guest_free(setup->guest);
	block_free(setup->block);
	image_free(setup->image);
}

int main(int argc, char **argv)
{
	struct setup setup = {0};
	struct error err = {0};
	int outcome;

	if (argc < 8) {
		fprintf(stderr, "usage: run_tool IMAGE RUNNER WORK LOG DEADLINE sh|debs ...\n");
		return ERROR_USAGE;
	}
	signal(SIGTERM, stop);
	setup.snapshot.package_root = xasprintf("%s/packages-store", argv[3]);
	outcome = open_image(&setup, argv[1], argv[3], &err);
	if (outcome == 0)
		outcome = run(&setup, argv, &err);
	setup_clear(&setup);
	return outcome < 0 ? fail(&err) : 0;
}
