/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks on an image some of whose file systems only an appliance reads.  Those that are confined
 * so that they cannot launch one say {"copies_wanted": true}; then task "copy" has the copies made,
 * and they are run again and find them.
 */
#ifndef COLDPATCH_SESSION_TASK_IMAGE_H
#define COLDPATCH_SESSION_TASK_IMAGE_H

#include "session/task.h"

/* In the worker: that result.  Returns 0. */
int task_copies_wanted(json_t **ret);

/* In the session: what an appliance needs, as members of an "image" (subject.h). */
void task_put_appliance(const struct coldpatch_session *session, json_t *image);
/* task_run for a task that may want copies of input's "image". */
int task_run_on_image(struct coldpatch_session *session, const char *name, json_t *input,
		      json_t **ret, struct error *err);

#endif
