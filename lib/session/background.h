/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A task that a worker does while the session waits for others. */
#ifndef COLDPATCH_SESSION_BACKGROUND_H
#define COLDPATCH_SESSION_BACKGROUND_H

#include "session/session.h"

struct background_task;

/* Its log and progress are not told.  `input` is taken over; the session must outlive it. */
struct background_task *background_task_start(struct coldpatch_session *session, const char *name,
					      json_t *input);
/* Waits for the end of the task.  *ret: its result, owned by `task`. */
int background_task_wait(struct background_task *task, const json_t **ret, struct error *err);
/* Stops it where it is still at work. */
void background_task_free(struct background_task *task);

#endif
