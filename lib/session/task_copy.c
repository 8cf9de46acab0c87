/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * copy: {"image"} -> {}
 *
 * Opens the image as every task does, with an appliance for what needs one: the copies stay in the
 * work directory for the tasks that come after.
 */
#include "session/subject.h"
#include "session/task.h"

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	const struct subject_options options = {.may_launch = true, .monitor = monitor};
	CLEANUP(subject_free)
	struct subject *subject = subject_open(json_object_get(input, "image"), &options, err);

	if (!subject)
		return -1;
	*ret = json_object();
	return 0;
}

const struct task task_copy = {.name = "copy", .run = run};
