/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks: what a worker process does for a session.
 *
 * A task takes one JSON object and gives one; its schema is the comment at its function.  The
 * worker is started with the task's name and reads the object from descriptor 3; it writes lines of
 * JSON to descriptor 4:
 *
 *     {"log": {"level": 1, "msg": "..."}}
 *     {"progress": {"stage": "copy", "object": null, "done": 10, "total": 100}}
 *     {"result": {...}}                                   last line of a task that succeeded
 *     {"error": {"kind": 65, "errno": 0, "msg": "..."}}   last line of one that failed
 *
 * SIGTERM tells it to drop everything.  What it says on stderr is no part of the protocol: its last
 * line is in the message when the worker dies.  Member "signing_keys" of the object are
 * paths of what the worker must not reach (confine.h).
 *
 * To add a task, write it beside task_inspect.c, what it may touch in confinements.c, and name both
 * in worker.c.
 */
#ifndef COLDPATCH_SESSION_TASK_H
#define COLDPATCH_SESSION_TASK_H

#include "base/error.h"
#include "base/json.h"
#include "base/monitor.h"

enum { TASK_INPUT_FD = 3, TASK_OUTPUT_FD = 4 };
#define TASK_KEYS "signing_keys"

struct task {
	const char *name;
	/* New reference in *ret. */
	int (*run)(const json_t *input, const struct monitor *monitor, json_t **ret,
		   struct error *err);
};

const struct task *task_find(const char *name); /* NULL: no such task */
struct confinement;
const struct confinement *task_confinement(const char *name);

/* In the worker: reads the input, runs, writes; the process's exit status. */
int task_serve(const char *name);

struct coldpatch_session;
/* In the session: starts a worker, hands its log and progress to the session's callbacks, gives its
 * result.  A worker that dies is ERROR_BUG naming the signal and the last line of its stderr. */
int task_run(struct coldpatch_session *session, const char *name, const json_t *input, json_t **ret,
	     struct error *err);

extern const struct task task_inspect, task_resolve, task_layer, task_payload, task_commit,
	task_snapshot, task_try_snapshot, task_verify_snapshot, task_verify_record, task_want,
	task_acquire, task_indexes, task_choose, task_mirror_list, task_copy, task_import,
	task_import_scan, task_clone, task_export, task_clones, task_publish, task_digest,
	task_verify_files;

#endif
