/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * commit: {"image", "plan", "layer", "store", "boot_test", "sandbox_ok", "console", "payloads",
 *          "overlays": [{"path", "backing_name", "directory"}]}
 *         -> {"outputs": [{"content", "virtual_size"}], "warnings", "guest", "boot_test"}
 *
 * Writes the layer into fresh overlays, one for each disk, then reads them afresh and checks
 * everything that can be checked before anybody sees them.  With "boot_test" they are booted, too:
 * "boot_test" tells how then, else it is null; "console" is where the console's log goes.
 */
#include "boot/boottest.h"
#include "commit/commit.h"
#include "layer/layer.h"
#include "package/payload.h"
#include "plan/plan.h"
#include "session/checkers.h"
#include "session/content.h"
#include "session/strings.h"
#include "session/subject.h"
#include "session/task.h"

struct inputs {
	struct subject *parent;
	struct plan *plan;
	struct package_payloads payloads;
	struct layer *layer;
	json_t *overlay_image; /* the "image" of the new overlays */
};

static void inputs_free(struct inputs *inputs)
{
	subject_free(inputs->parent);
	plan_free(inputs->plan);
	package_payloads_free(&inputs->payloads);
	layer_free(inputs->layer);
	json_decref(inputs->overlay_image);
}

static int read_inputs(const json_t *input, struct inputs *ret, struct error *err)
{
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
	ret->parent = subject_open(json_object_get(input, "image"), err);
	return ret->parent ? 0 : -1;
}

static int create_overlays(const json_t *overlays, struct inputs *inputs, const char *work_dir,
			   struct error *err)
{
	json_t *disks = json_array(), *directories = json_array(), *backing = json_array();
	const json_t *overlay;
	size_t i;

	inputs->overlay_image = json_object();
	json_put(inputs->overlay_image, "disks", disks);
	json_put(inputs->overlay_image, "directories", directories);
	json_put(inputs->overlay_image, "backing", backing);
	json_put_string(inputs->overlay_image, "work_dir", work_dir);
	json_array_foreach(overlays, i, overlay)
	{
		const struct image *image = inputs->parent->images[i];

		if (image_create_overlay(image, string_member(overlay, "path"),
					 string_member(overlay, "backing_name"), err) < 0)
			return -1;
		json_array_append_new(disks, json_string(string_member(overlay, "path")));
		json_array_append_new(directories,
				      json_string(string_member(overlay, "directory")));
		for (size_t j = 0; j < image->n_files; j++)
			json_array_append_new(backing, json_string(image->files[j].path));
	}
	return 0;
}

static int write_layer(const struct inputs *inputs, const struct monitor *monitor,
		       struct error *err)
{
	struct subject *target = subject_open_writable(inputs->overlay_image, err);

	if (!target)
		return -1;
	if (commit_apply_layer(target->tree, inputs->layer, monitor, err) < 0) {
		subject_free(target);
		return -1;
	}
	return subject_close_written(target, err);
}

/* What a checker found explains what went wrong in a tree that is damaged. */
static int explain(struct checkers *checkers, struct error *err)
{
	struct error found = {0};

	if (err->kind != ERROR_BUSY && checkers_wait(checkers, &found) < 0)
		*err = found;
	return -1;
}

static int check_result(const struct inputs *inputs, struct subject *result, const char *work_dir,
			const struct monitor *monitor, struct commit_report *report,
			struct error *err)
{
	__attribute__((cleanup(commit_seen_free))) struct commit_seen seen = {0};
	CLEANUP(checkers_free)
	struct checkers *checkers = NULL;

	monitor_progress(monitor, "check", NULL, 0, 0);
	checkers = checkers_start(result, work_dir);
	if (commit_check_tree(inputs->parent->tree, result->tree, inputs->layer, monitor, &seen,
			      err) < 0)
		return explain(checkers, err);
	if (checkers_wait(checkers, err) < 0)
		return -1;
	return commit_check_guest(inputs->parent->guest, result->guest, result->tree,
				  &inputs->parent->state, inputs->plan, &inputs->payloads,
				  result->family, &seen, report, err);
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

static json_t *warnings_to_json(const struct commit_report *report)
{
	json_t *warnings = json_array();

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

static int check_and_describe(const json_t *input, const struct inputs *inputs,
			      const struct monitor *monitor, json_t **ret, struct error *err)
{
	const char *work_dir = string_member(json_object_get(input, "image"), "work_dir");
	__attribute__((cleanup(commit_report_free))) struct commit_report report = {0};
	CLEANUP(subject_free)
	struct subject *result = subject_open(inputs->overlay_image, err);
	CLEANUP(content_digests_free)
	struct content_digests *content = NULL;
	CLEANUP_JSON json_t *outputs = json_array(), *booted = NULL;

	if (!result)
		return -1;
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
	json_put(*ret, "warnings", warnings_to_json(&report));
	json_put(*ret, "guest", guest_to_json(result->guest));
	json_put(*ret, "boot_test", booted ? steal(booted) : json_null());
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
	if (read_inputs(input, &inputs, err) < 0)
		return -1;
	if (create_overlays(json_object_get(input, "overlays"), &inputs, work_dir, err) < 0)
		return -1;
	if (write_layer(&inputs, monitor, err) < 0)
		return error_prefix(err, "write %s", first_overlay(input));
	return check_and_describe(input, &inputs, monitor, ret, err);
}

const struct task task_commit = {.name = "commit", .run = run};
