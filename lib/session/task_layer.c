/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layer: {"image", "plan", "store", "snapshot", "work_dir", "runner", "appliance_cache", "log",
 * "executor", "sandbox_ok", "deadline_s", "copy_limit", "check_filesystems", "boot_test"} ->
 * {"layer", "run", "warnings"}, or {"firmware_wanted": true}
 *
 * Runs the plan's package steps in a view of the guest and stores the difference.  With "boot_test"
 * only where commit can boot the result afterwards.  Where packages have, or a script wrote, what
 * only the firmware reads (hidden.h), it has to be run again on an image with "firmware".
 */
#include "boot/boottest.h"
#include "layer/layer.h"
#include "run/run.h"
#include "session/hidden.h"
#include "session/strings.h"
#include "session/subject.h"
#include "session/task.h"

struct inputs {
	struct subject *subject;
	struct plan *plan;
	struct mirror_snapshot *snapshot;
};

static void inputs_free(struct inputs *inputs)
{
	subject_free(inputs->subject);
	plan_free(inputs->plan);
	mirror_snapshot_free(inputs->snapshot);
}

static int read_inputs(const json_t *input, const struct monitor *monitor, struct inputs *ret,
		       struct error *err)
{
	const struct subject_options options = {.may_launch = true, .monitor = monitor};

	ret->plan = plan_from_json(json_object_get(input, "plan"), err);
	if (!ret->plan)
		return -1;
	ret->snapshot = mirror_snapshot_open(string_member(input, "store"),
					     string_member(input, "snapshot"), err);
	if (!ret->snapshot)
		return -1;
	ret->subject = subject_open(json_object_get(input, "image"), &options, err);
	return ret->subject ? 0 : -1;
}

static int run_plan(const json_t *input, const struct inputs *inputs, const struct monitor *monitor,
		    struct run_result *ret, struct error *err)
{
	struct subject *subject = inputs->subject;
	bool sandbox_ok = json_is_true(json_object_get(input, "sandbox_ok"));
	const struct run_request request = {
		.guest = subject->guest,
		.tree = subject->tree,
		.images = (const struct image *const *)subject->images,
		.n_images = subject->n_disks,
		.clear = subject->n_keys ? subject->blocks : NULL,
		.plan = inputs->plan,
		.snapshot = inputs->snapshot,
		.manager = package_manager_of(subject->family),
		.scratch_dir = string_member(input, "work_dir"),
		.runner = string_member(input, "runner"),
		.appliance_cache = string_member(input, "appliance_cache"),
		.log_path = string_member(input, "log"),
		.deadline_s = (unsigned)json_integer_value(json_object_get(input, "deadline_s")),
		.copy_limit = (uint64_t)json_integer_value(json_object_get(input, "copy_limit")),
		.monitor = monitor,
	};
	const struct executor *executor =
		executor_choose(string_member(input, "executor"), sandbox_ok, err);

	if (!executor)
		return -1;
	return executor->run(&request, ret, err);
}

static int check_boot_test(const json_t *input, const struct guest *guest, struct error *err)
{
	bool sandbox_ok = json_is_true(json_object_get(input, "sandbox_ok"));
	enum boot_accelerator ignored;

	if (!json_is_true(json_object_get(input, "boot_test")))
		return 0;
	if (boot_test_choose(sandbox_ok, &ignored, err) < 0)
		return -1;
	return boot_test_possible(guest, err);
}

/* An earlier update of the image may have had nothing to do with what has limits. */
static int check_filesystems(const json_t *input, const struct subject *subject, struct error *err)
{
	bool all = json_is_true(json_object_get(input, "check_filesystems"));

	return subject_check_filesystems(subject,
					 all ? SUBJECT_CHECK_SETTLED : SUBJECT_CHECK_LIMITED,
					 string_member(input, "work_dir"), err);
}

static json_t *warnings_of(const struct layer *layer)
{
	json_t *warnings = json_array();

	if (layer->unlabelled) {
		CLEANUP_FREE char *text =
			xasprintf("SELinux: %s; what changed has no labels, and the guest labels "
				  "all its files when it starts (/.autorelabel)",
				  layer->unlabelled);

		json_array_append_new(warnings, json_bytes(text));
	}
	return warnings;
}

static json_t *want_firmware(void)
{
	json_t *result = json_object();

	json_put_bool(result, "firmware_wanted", true);
	return result;
}

static int make_layer(const json_t *input, const struct inputs *inputs,
		      const struct monitor *monitor, bool *ret_wanted, json_t **ret,
		      struct error *err)
{
	__attribute__((cleanup(run_result_free))) struct run_result result = {0};
	CLEANUP(layer_free)
	struct layer *layer = NULL;

	monitor_progress(monitor, "view", NULL, 0, 0);
	if (run_plan(input, inputs, monitor, &result, err) < 0)
		return -1;
	monitor_progress(monitor, "layer", NULL, 0, 0);
	layer = layer_make(string_member(input, "store"), inputs->subject->tree, result.capture,
			   monitor, err);
	if (!layer || hidden_check_layer(inputs->subject->guest, layer, ret_wanted, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "layer", layer_to_json(layer));
	json_put(*ret, "run", run_result_to_json(&result));
	json_put(*ret, "warnings", warnings_of(layer));
	return 0;
}

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	__attribute__((cleanup(inputs_free))) struct inputs inputs = {0};
	CLEANUP_JSON json_t *made = NULL;
	bool firmware = json_is_true(json_object_get(json_object_get(input, "image"), "firmware"));
	bool wanted = false;

	monitor_progress(monitor, "precheck", NULL, 0, 0);
	if (read_inputs(input, monitor, &inputs, err) < 0)
		return -1;
	if (check_boot_test(input, inputs.subject->guest, err) < 0)
		return -1;
	if (check_filesystems(input, inputs.subject, err) < 0)
		return error_prefix(err, "before the update");
	if (!firmware && hidden_find_owned(inputs.subject->guest, inputs.subject->family,
					   inputs.subject->tree, inputs.plan, &wanted, err) < 0)
		return -1;
	if (!wanted &&
	    make_layer(input, &inputs, monitor, firmware ? NULL : &wanted, &made, err) < 0)
		return -1;
	*ret = wanted ? want_firmware() : steal(made);
	return 0;
}

const struct task task_layer = {.name = "layer", .run = run};
