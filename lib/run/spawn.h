/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The runner as PID 1 of fresh namespaces, with ids of its own. */
#ifndef COLDPATCH_RUN_SPAWN_H
#define COLDPATCH_RUN_SPAWN_H

#include <sys/types.h>

#include "base/error.h"
#include "run/cgroup.h"
#include "run/job.h"

struct spawned {
	pid_t pid;
	int pidfd;
	int log, report, capture; /* to read from */
};

struct spawn_spec {
	const char *runner; /* path of the program */
	const char *root;   /* the view */
	const char *packages;
	uint32_t base; /* first host id */
	const struct cgroup *cgroup;
	struct job *job; /* its places are set here */
};

/* It dies with the calling thread.  ERROR_HOST. */
int spawn_runner(const struct spawn_spec *spec, struct spawned *ret, struct error *err);
/* The signal that ended the runner, waiting a moment for it to end; 0: none did. */
int spawned_signal(const struct spawned *spawned);
/* Kills everything in the namespaces, if still there, reaps, closes. */
void spawned_end(struct spawned *spawned);
#define CLEANUP_SPAWNED __attribute__((cleanup(spawned_end)))
/* 0 when a process could make the namespaces that spawn_runner wants. */
int spawn_possible(struct error *err);

#endif
