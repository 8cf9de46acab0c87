/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inspect: {"image", "state_dir"?} -> {"guest", "files"}, or {"copies_wanted": true} (task_image.h)
 *
 * With "state_dir", an existing private directory, the package state is left there for the tasks
 * that plan.
 */
#include "base/file.h"
#include "session/state_dir.h"
#include "session/subject.h"
#include "session/task.h"
#include "session/task_image.h"

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	const char *state_dir = json_string_value(json_object_get(input, "state_dir"));
	bool wanted = false;
	const struct subject_options options = {.ret_wanted = &wanted, .monitor = monitor};
	CLEANUP(subject_free)
	struct subject *subject = NULL;
	json_t *result;

	monitor_progress(monitor, "inspect", NULL, 0, 0);
	subject = subject_open(json_object_get(input, "image"), &options, err);
	if (!subject)
		return wanted ? task_copies_wanted(ret) : -1;
	if (state_dir && state_dir_write(state_dir, &subject->state, err) < 0)
		return -1;
	result = json_object();
	json_put(result, "guest", guest_to_json(subject->guest));
	json_put(result, "files", subject_files(subject));
	*ret = result;
	return 0;
}

const struct task task_inspect = {.name = "inspect", .run = run};
