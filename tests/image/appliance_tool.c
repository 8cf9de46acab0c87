/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Installs one package file in a guest twice, in the sandbox and in the appliance, and compares the
 * two layers entry by entry.
 *
 *     appliance_tool RUNNER WORK FILE.deb NAME VERSION APPLIANCE-CACHE IMAGE...
 *
 * Times of what the run itself wrote differ, and so does what dpkg's log says; nothing else may.
 * Prints one line per difference; exits 0 when there is none, else with 1 or the kind of the error.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "layer/layer.h"
#include "run/run.h"

enum { MAX_IMAGES = 4 };

struct setup {
	struct image *images[MAX_IMAGES];
	struct block *blocks[MAX_IMAGES];
	size_t n_images;
	struct guest *guest;
	struct tree *tree;
	struct package_change change;
	struct package_step steps[2];
	struct plan plan;
	struct mirror_snapshot snapshot;
	const char *runner, *work, *appliance_cache;
	time_t start;
};

struct lines {
	char **items;
	size_t n_items;
	time_t start;
};

static int add_line(void *opaque, const struct layer_entry *entry, struct error *err)
{
	struct lines *lines = opaque;
	bool is_log = strcmp(entry->path, "/var/log/dpkg.log") == 0;
	bool has_content = S_ISREG(entry->stat.mode) && entry->action == LAYER_REPLACE && !is_log;
	bool is_new = entry->stat.mtime.sec >= lines->start;
	CLEANUP_BUFFER struct buffer line = {0};
	char hex[DIGEST_HEX_SIZE] = "-";

	(void)err;
	if (has_content)
		digest_to_hex(&entry->content, hex);
	buffer_printf(&line,
		      "%s action=%d opaque=%d mode=%o owner=%u:%u flags=%x target=%s content=%s",
		      entry->path, entry->action, entry->opaque, entry->stat.mode, entry->stat.uid,
		      entry->stat.gid, entry->stat.flags, entry->target ? entry->target : "-", hex);
	if (!is_new)
		buffer_printf(&line, " mtime=%lld.%09u", (long long)entry->stat.mtime.sec,
			      entry->stat.mtime.nsec);
	for (size_t i = 0; i < entry->xattrs.n_items; i++)
		buffer_printf(&line, " %s", entry->xattrs.items[i].name);
	*ARRAY_ADD(lines->items, lines->n_items) = buffer_steal(&line);
	return 0;
}

static int ignore_content(void *opaque, const void *data, size_t len, uint64_t offset,
			  struct error *err)
{
	(void)opaque, (void)data, (void)len, (void)offset, (void)err;
	return 0;
}

static int open_guest(struct setup *setup, char **paths, size_t n, struct error *err)
{
	const struct image_options options = {0};
	const struct guest_access access = {.writable = false};

	for (size_t i = 0; i < n; i++) {
		setup->images[i] = image_open(paths[i], &options, err);
		if (!setup->images[i])
			return -1;
		setup->blocks[i] = image_attach(setup->images[i], false, setup->work, err);
		if (!setup->blocks[i])
			return -1;
		setup->n_images++;
	}
	return guest_open((const struct image *const *)setup->images, setup->blocks, n, &access,
			  &setup->guest, &setup->tree, err);
}

/* The store has the package file under its digest, and the plan is to unpack and configure it. */
static int make_plan(struct setup *setup, const char *deb, struct error *err)
{
	CLEANUP_BUFFER struct buffer content = {0};
	CLEANUP_FREE char *directory = NULL;
	CLEANUP_FREE char *path = NULL;
	char hex[DIGEST_HEX_SIZE];

	if (file_read(deb, 1 << 24, &content, err) < 0)
		return -1;
	digest_of(content.data, content.len, &setup->change.sha256);
	digest_to_hex(&setup->change.sha256, hex);
	setup->change.size = content.len;
	setup->snapshot.package_root = xasprintf("%s/package-store", setup->work);
	directory = xasprintf("%s/%.2s", setup->snapshot.package_root, hex);
	path = path_join(directory, hex);
	setup->steps[0] = (struct package_step){PACKAGE_UNPACK, 0};
	setup->steps[1] = (struct package_step){PACKAGE_CONFIGURE, 0};
	setup->plan.resolution = (struct resolution){
		.changes = &setup->change, .n_changes = 1, .steps = setup->steps, .n_steps = 2};
	if (directory_make(directory, 0755, err) < 0)
		return -1;
	return file_replace(path, content.data, content.len, 0444, err);
}

static int run_one(struct setup *setup, const char *name, struct lines *ret, struct error *err)
{
	const struct layer_visitor visitor = {add_line, ignore_content, ret};
	const struct executor *executor = executor_choose(name, true, err);
	CLEANUP_FREE char *log = xasprintf("%s/%s.log", setup->work, name);
	CLEANUP_FREE char *store = xasprintf("%s/store-%s", setup->work, name);
	CLEANUP(layer_free)
	struct layer *layer = NULL;
	struct run_result result = {0};
	const struct run_request request = {
		.guest = setup->guest,
		.tree = setup->tree,
		.images = (const struct image *const *)setup->images,
		.n_images = setup->n_images,
		.plan = &setup->plan,
		.snapshot = &setup->snapshot,
		.manager = package_manager_of(package_family_by_name("deb")),
		.scratch_dir = setup->work,
		.runner = setup->runner,
		.appliance_cache = setup->appliance_cache,
		.log_path = log,
		.deadline_s = 600,
		.copy_limit = 16ull << 30};

	ret->start = setup->start;
	if (!executor || directory_make(store, 0755, err) < 0 ||
	    executor->run(&request, &result, err) < 0)
		return -1;
	printf("%s: executor %s, accelerator %s\n", name, result.executor, result.accelerator);
	layer = layer_make(store, setup->tree, result.capture, NULL, err);
	run_result_free(&result);
	return layer ? layer_read(layer, &visitor, err) : -1;
}

static int print_missing(const struct lines *in, const struct lines *from, const char *name)
{
	int missing = 0;

	for (size_t i = 0; i < in->n_items; i++) {
		bool found = false;

		for (size_t k = 0; k < from->n_items && !found; k++)
			found = strcmp(in->items[i], from->items[k]) == 0;
		if (!found)
			printf("only in the %s: %s\n", name, in->items[i]);
		missing |= !found;
	}
	return missing;
}

static int compare(struct setup *setup, struct error *err)
{
	struct lines sandbox = {0}, appliance = {0};

	if (run_one(setup, "sandbox", &sandbox, err) < 0 ||
	    run_one(setup, "appliance", &appliance, err) < 0)
		return -1;
	printf("%zu entries\n", sandbox.n_items);
	return print_missing(&sandbox, &appliance, "sandbox") |
	       print_missing(&appliance, &sandbox, "appliance");
}

int main(int argc, char **argv)
{
	struct setup setup = {.start = time(NULL)};
	struct error err = {0};
	int outcome = -1;

	if (argc < 8 || argc > 7 + MAX_IMAGES)
		return ERROR_USAGE;
	setup.runner = argv[1];
	setup.work = argv[2];
	setup.appliance_cache = argv[6];
	setup.change = (struct package_change){
		.name = argv[4], .architecture = xstrdup("all"), .to = argv[5]};
	if (open_guest(&setup, argv + 7, (size_t)argc - 7, &err) == 0 &&
	    make_plan(&setup, argv[3], &err) == 0)
		outcome = compare(&setup, &err);
	tree_free(setup.tree);
	guest_free(setup.guest);
	for (size_t i = 0; i < MAX_IMAGES; i++) {
		block_free(setup.blocks[i]);
		image_free(setup.images[i]);
	}
	if (outcome < 0)
		fprintf(stderr, "%s\n", err.msg);
	return outcome < 0 ? (int)err.kind : outcome;
}
