/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * commit: {"image", "plan", "layer", "store", "boot_test", "sandbox_ok", "console", "payloads",
 *          "overlays": [{"path", "backing_name", "directory"}], "squash"}
 *         -> {"outputs": [{"content", "virtual_size"}], "warnings", "guest", "boot_test",
 *             "squashed"}
 *
 * Writes the layer into fresh overlays, one for each disk, then reads them afresh and checks
 * everything that can be checked before anybody sees them.  With "boot_test" they are booted, too:
 * "boot_test" tells how then, else it is null; "console" is where the console's log goes.
 *
 * "squash" (squash.h) is null, or asks for overlays straight on the bases, from its layers and then
 * this one.  What is compared stays the same: the image plus this layer.  "squashed" tells whether
 * it was done; when a layer is not there any more, a warning tells why not.
 */
#include <errno.h>
#include <sys/stat.h>

#include "boot/boottest.h"
#include "commit/commit.h"
#include "layer/layer.h"
#include "package/payload.h"
#include "plan/plan.h"
#include "session/checkers.h"
#include "session/content.h"
#include "session/hidden.h"
#include "session/squash.h"
#include "session/strings.h"
#include "session/subject.h"
#include "session/task.h"

struct inputs {
	struct subject *parent;
	struct plan *plan;
	struct package_payloads payloads;
	struct layer *layer;
	/* Of a squash; else all NULL. */
	struct layer **below; /* oldest first */
	size_t n_below;
	struct commit_paths rewritten;
	struct commit_seen seen; /* of `layer` */
	char *warning;		 /* why there is no squash, or NULL */
	json_t *overlay_image;	 /* the "image" of the new overlays */
	json_t *parent_files;
	bool firmware; /* as "firmware" of subject.h */
};

static void drop_squash(struct inputs *inputs)
{
	for (size_t i = 0; i < inputs->n_below; i++)
		layer_free(inputs->below[i]);
	free(steal(inputs->below));
	inputs->n_below = 0;
	commit_paths_free(&inputs->rewritten);
}

static void inputs_free(struct inputs *inputs)
{
	subject_free(inputs->parent);
	plan_free(inputs->plan);
	package_payloads_free(&inputs->payloads);
	layer_free(inputs->layer);
	drop_squash(inputs);
	commit_seen_free(&inputs->seen);
	free(inputs->warning);
	json_decref(inputs->overlay_image);
	json_decref(inputs->parent_files);
}

static int read_inputs(const json_t *input, const struct monitor *monitor, struct inputs *ret,
		       struct error *err)
{
	const struct subject_options options = {.may_launch = true, .monitor = monitor};
	struct digest layer;

	if (!digest_from_hex(string_member(input, "layer"), &layer))
		return error_set(err, ERROR_BUG, "commit: layer is not a digest");
	ret->plan = plan_from_json(json_object_get(input, "plan"), err);
	if (!ret->plan)
		return -1;
	if (package_payloads_from_json(json_object_get(input, "payloads"), &ret->payloads, err) < 0)
		return -1;
	ret->layer = layer_open(string_member(input, "store"), &layer, err);
	if (!ret->layer)
		return -1;
	ret->parent = subject_open(json_object_get(input, "image"), &options, err);
	if (!ret->parent)
		return -1;
	ret->parent_files = subject_files(ret->parent);
	return 0;
}

/* All of each layer is read before anything is made of it. */
static int read_below(const json_t *input, const struct monitor *monitor, struct inputs *inputs,
		      struct error *err)
{
	const json_t *squash = json_object_get(input, "squash"), *name;
	size_t i;

	json_array_foreach(json_object_get(squash, "layers"), i, name)
	{
		struct digest digest;
		struct layer *layer;

		if (!digest_from_hex(json_string_value(name), &digest))
			return error_set(err, ERROR_BUG, "commit: a layer is not a digest");
		layer = layer_open(string_member(input, "store"), &digest, err);
		if (!layer)
			return -1;
		*ARRAY_ADD(inputs->below, inputs->n_below) = layer;
		if (commit_paths_add(&inputs->rewritten, layer, monitor, err) < 0)
			return -1;
	}
	return 0;
}

static int read_squash(const json_t *input, const struct monitor *monitor, struct inputs *inputs,
		       struct error *err)
{
	struct error problem = {0};

	if (read_below(input, monitor, inputs, &problem) == 0)
		return 0;
	drop_squash(inputs);
	if (problem.kind == ERROR_MISSING || problem.kind == ERROR_TRUST) {
		inputs->warning = xasprintf(SQUASH_NOT_MADE "%s", problem.msg);
		return 0;
	}
	*err = problem;
	return -1;
}

/* An earlier update may have written what only the firmware reads, where this one does not. */
static int bring_in_firmware(const json_t *input, const struct monitor *monitor,
			     struct inputs *inputs, struct error *err)
{
	const struct subject_options options = {.may_launch = true, .monitor = monitor};
	CLEANUP_JSON json_t *image = json_deep_copy(json_object_get(input, "image"));
	bool wanted = false;

	inputs->firmware = json_is_true(json_object_get(image, "firmware"));
	for (size_t i = 0; !inputs->firmware && i < inputs->n_below; i++)
		if (hidden_check_layer(inputs->parent->guest, inputs->below[i], &wanted, err) < 0)
			return -1;
	if (!wanted)
		return 0;
	inputs->firmware = true;
	json_put_bool(image, "firmware", true);
	subject_free(steal(inputs->parent));
	inputs->parent = subject_open(image, &options, err);
	return inputs->parent ? 0 : -1;
}

/* How many files of the chain lie above the one at `path`. */
static int find_level(const struct image *image, const char *path, size_t *ret, struct error *err)
{
	struct stat base, file;

	if (stat(path, &base) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	for (size_t i = 0; i < image->n_files; i++) {
		if (fstat(image->files[i].fd, &file) < 0)
			return error_os(err, ERROR_IO, errno, "%s", image->files[i].path);
		if (file.st_dev != base.st_dev || file.st_ino != base.st_ino)
			continue;
		*ret = i;
		return 0;
	}
	return error_set(err, ERROR_TRUST, "%s: is not backed by %s, as the records say",
			 image->files[0].path, path);
}

/* What the overlay lies on: the parent, or the part of its chain that begins with the base. */
static int choose_backing(const struct image *parent, const json_t *base, struct image *ret,
			  struct error *err)
{
	size_t level = 0;

	if (base && find_level(parent, string_member(base, "path"), &level, err) < 0)
		return -1;
	*ret = (struct image){parent->files + level, parent->n_files - level};
	return 0;
}

static int create_overlays(const json_t *input, struct inputs *inputs, const char *work_dir,
			   struct error *err)
{
	const json_t *parent = json_object_get(input, "image");
	const json_t *overlays = json_object_get(input, "overlays");
	const json_t *bases = json_object_get(json_object_get(input, "squash"), "bases");
	json_t *disks = json_array(), *directories = json_array(), *backing = json_array();
	const json_t *overlay;
	size_t i;

	inputs->overlay_image = json_object();
	json_put(inputs->overlay_image, "disks", disks);
	json_put(inputs->overlay_image, "directories", directories);
	json_put(inputs->overlay_image, "backing", backing);
	json_put_string(inputs->overlay_image, "work_dir", work_dir);
	json_put_string(inputs->overlay_image, "runner", string_member(parent, "runner"));
	json_put_string(inputs->overlay_image, "appliance_cache",
			string_member(parent, "appliance_cache"));
	json_put_bool(inputs->overlay_image, "firmware", inputs->firmware);
	json_put(inputs->overlay_image, "disk_keys",
		 json_deep_copy(json_object_get(parent, "disk_keys")));
	json_array_foreach(overlays, i, overlay)
	{
		const json_t *base = inputs->n_below ? json_array_get(bases, i) : NULL;
		struct image image;

		if (choose_backing(inputs->parent->images[i], base, &image, err) < 0 ||
		    image_create_overlay(&image, string_member(overlay, "path"),
					 string_member(base ? base : overlay, "backing_name"),
					 err) < 0)
			return -1;
		json_array_append_new(disks, json_string(string_member(overlay, "path")));
		json_array_append_new(directories,
				      json_string(string_member(overlay, "directory")));
		for (size_t j = 0; j < image.n_files; j++)
			json_array_append_new(backing, json_string(image.files[j].path));
	}
	return 0;
}

static int write_layer(const struct inputs *inputs, const struct layer *layer,
		       const struct monitor *monitor, struct commit_seen *ret_seen,
		       struct error *err)
{
	/* an overlay straight on the base is another image than the parent */
	const json_t *same = inputs->n_below ? NULL : inputs->parent_files;
	struct subject *target = subject_open_writable(inputs->overlay_image, same, monitor, err);

	if (!target)
		return -1;
	if (commit_apply_layer(target->tree, layer, monitor, ret_seen, err) < 0) {
		subject_free(target);
		return -1;
	}
	return subject_close_written(target, err);
}

/* Each layer as when its generation was made, opened anew. */
static int write_layers(struct inputs *inputs, const struct monitor *monitor, struct error *err)
{
	for (size_t i = 0; i < inputs->n_below; i++)
		if (write_layer(inputs, inputs->below[i], monitor, NULL, err) < 0)
			return -1;
	return write_layer(inputs, inputs->layer, monitor, &inputs->seen, err);
}

/* What a checker found explains what went wrong in a tree that is damaged. */
static int explain(struct checkers *checkers, struct error *err)
{
	struct error found = {0};

	if (err->kind != ERROR_BUSY && checkers_wait(checkers, &found) < 0)
		*err = found;
	return -1;
}

static int check_result(struct inputs *inputs, struct subject *result, const char *work_dir,
			const struct monitor *monitor, struct commit_report *report,
			struct error *err)
{
	const struct commit_comparison comparison = {
		.parent = inputs->parent->tree,
		.result = result->tree,
		.rewritten = inputs->n_below ? &inputs->rewritten : NULL,
		.monitor = monitor,
	};
	const struct commit_guests guests = {
		.before = inputs->parent->guest,
		.after = result->guest,
		.before_tree = inputs->parent->tree,
		.after_tree = result->tree,
		.state_before = &inputs->parent->state,
		.plan = inputs->plan,
		.payloads = &inputs->payloads,
		.family = inputs->parent->family,
		.family_after = result->family,
		.seen = &inputs->seen,
	};
	CLEANUP(checkers_free)
	struct checkers *checkers = NULL;

	monitor_progress(monitor, "check", NULL, 0, 0);
	checkers = checkers_start(result, work_dir);
	if (commit_check_tree(&comparison, &inputs->seen, err) < 0)
		return explain(checkers, err);
	if (checkers_wait(checkers, err) < 0)
		return -1;
	return commit_check_guest(&guests, report, err);
}

static int describe_outputs(const struct subject *result, struct content_digests *content,
			    json_t *ret_outputs, struct error *err)
{
	const struct digest *digests;

	if (content_digests_wait(content, &digests, err) < 0)
		return -1;
	for (size_t i = 0; i < result->n_disks; i++) {
		json_t *output = json_object();

		json_put_digest(output, "content", &digests[i]);
		json_put_u64(output, "virtual_size", block_size(result->blocks[i]));
		json_array_append_new(ret_outputs, output);
	}
	return 0;
}

static json_t *warnings_to_json(const struct inputs *inputs, const struct commit_report *report)
{
	json_t *warnings = json_array();

	if (inputs->warning)
		json_array_append_new(warnings, json_bytes(inputs->warning));

	for (size_t i = 0; i < report->n_warnings; i++)
		json_array_append_new(warnings, json_bytes(report->warnings[i]));
	return warnings;
}

static json_t *boot_test_to_json(const struct boot_test *test,
				 const struct boot_test_result *result)
{
	json_t *json = json_object();

	json_put_string(json, "accelerator", boot_accelerator_name(test->accelerator));
	json_put_u64(json, "seconds", result->seconds);
	json_put_bool(json, "own_loader", !result->direct);
	json_put_string(json, "console", test->console_path);
	return json;
}

/* *ret stays NULL when no boot was asked for. */
static int boot(const json_t *input, const struct subject *subject, const struct monitor *monitor,
		json_t **ret, struct error *err)
{
	struct boot_test test = {.images = (const struct image *const *)subject->images,
				 .n_images = subject->n_disks,
				 .guest = subject->guest,
				 .tree = subject->tree,
				 .work_dir =
					 string_member(json_object_get(input, "image"), "work_dir"),
				 .console_path = string_member(input, "console"),
				 .monitor = monitor};
	bool sandbox_ok = json_is_true(json_object_get(input, "sandbox_ok"));
	struct boot_test_result result;

	if (!json_is_true(json_object_get(input, "boot_test")))
		return 0;
	if (boot_test_choose(sandbox_ok, &test.accelerator, err) < 0 ||
	    boot_test_run(&test, &result, err) < 0)
		return -1;
	*ret = boot_test_to_json(&test, &result);
	return 0;
}

/* The parent could be opened: what is wrong now is what the scripts made of the guest. */
static int not_opened(struct error *err)
{
	if (err->kind != ERROR_IMAGE)
		return -1;
	err->kind = ERROR_GUEST;
	return error_prefix(err, "check of the new overlay: after the update");
}

static int check_and_describe(const json_t *input, struct inputs *inputs,
			      const struct monitor *monitor, json_t **ret, struct error *err)
{
	const char *work_dir = string_member(json_object_get(input, "image"), "work_dir");
	__attribute__((cleanup(commit_report_free))) struct commit_report report = {0};
	const struct subject_options options = {.may_launch = true, .monitor = monitor};
	CLEANUP(subject_free)
	struct subject *result = subject_open(inputs->overlay_image, &options, err);
	CLEANUP(content_digests_free)
	struct content_digests *content = NULL;
	CLEANUP_JSON json_t *outputs = json_array(), *booted = NULL;

	if (!result)
		return not_opened(err);
	content = content_digests_start(result, monitor);
	if (check_result(inputs, result, work_dir, monitor, &report, err) < 0)
		return error_prefix(err, "check of the new overlay");
	if (boot(input, result, monitor, &booted, err) < 0)
		return -1;
	monitor_progress(monitor, "digest", NULL, 0, 0);
	if (describe_outputs(result, content, outputs, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "outputs", steal(outputs));
	json_put(*ret, "warnings", warnings_to_json(inputs, &report));
	json_put(*ret, "guest", guest_to_json(result->guest));
	json_put(*ret, "boot_test", booted ? steal(booted) : json_null());
	json_put_bool(*ret, "squashed", inputs->n_below > 0);
	return 0;
}

static const char *first_overlay(const json_t *input)
{
	return string_member(json_array_get(json_object_get(input, "overlays"), 0), "path");
}

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	__attribute__((cleanup(inputs_free))) struct inputs inputs = {0};
	const char *work_dir = string_member(json_object_get(input, "image"), "work_dir");

	monitor_progress(monitor, "commit", NULL, 0, 0);
	if (read_inputs(input, monitor, &inputs, err) < 0 ||
	    read_squash(input, monitor, &inputs, err) < 0 ||
	    bring_in_firmware(input, monitor, &inputs, err) < 0)
		return -1;
	if (create_overlays(input, &inputs, work_dir, err) < 0)
		return -1;
	if (write_layers(&inputs, monitor, err) < 0)
		return error_prefix(err, "write %s", first_overlay(input));
	return check_and_describe(input, &inputs, monitor, ret, err);
}

const struct task task_commit = {.name = "commit", .run = run};
