/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs: what a worker process does for a session.
 *
 * A job takes one JSON object and gives one; its schema is the comment at its function.  The worker
 * is started with the job's name and reads the object from descriptor 3; it writes lines of JSON to
 * descriptor 4:
 *
 *     {"log": {"level": 1, "msg": "..."}}
 *     {"progress": {"stage": "copy", "object": null, "done": 10, "total": 100}}
 *     {"result": {...}}                                   last line of a job that succeeded
 *     {"error": {"kind": 65, "errno": 0, "msg": "..."}}   last line of one that failed
 *
 * SIGTERM tells it to drop everything.  To add a job, write it beside job_inspect.c and name it in
 * job.c.
 */
#ifndef COLDPATCH_SESSION_JOB_H
#define COLDPATCH_SESSION_JOB_H

#include "base/error.h"
#include "base/json.h"
#include "base/monitor.h"

enum { JOB_INPUT_FD = 3, JOB_OUTPUT_FD = 4 };

struct job {
	const char *name;
	/* New reference in *ret. */
	int (*run)(const json_t *input, const struct monitor *monitor, json_t **ret,
		   struct error *err);
};

const struct job *job_find(const char *name); /* NULL: no such job */

/* In the worker: reads the input, runs, writes; the process's exit status. */
int job_serve(const char *name);

struct coldpatch_session;
/* In the session: starts a worker, hands its log and progress to the session's callbacks, gives its
 * result.  A worker that dies is ERROR_BUG naming the signal. */
int job_run(struct coldpatch_session *session, const char *name, const json_t *input, json_t **ret,
	    struct error *err);

extern const struct job job_inspect, job_resolve, job_layer, job_commit, job_snapshot,
	job_verify_snapshot, job_verify_record;

#endif
