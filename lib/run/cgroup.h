/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A control group for one sandbox: what its processes may take together of memory and process
 * numbers.  Where the host lets us have none, or only a part, the run goes on without: nothing here
 * fails.
 *
 * A group lives as long as its owner: the owner holds a lock on its directory, and whoever makes
 * the next one removes those that nobody holds.
 */
#ifndef COLDPATCH_RUN_CGROUP_H
#define COLDPATCH_RUN_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CGROUP_HIERARCHIES = 2 };

struct cgroup {
	struct {
		char *path;
		int lock;
	} directories[CGROUP_HIERARCHIES];
	uint64_t memory; /* the limit in bytes; 0: none */
};

void cgroup_make(struct cgroup *ret);
/* Moves a process there, with what it will start. */
void cgroup_enter(const struct cgroup *cgroup, pid_t pid);
/* Whether the kernel killed something in it that wanted more memory than the limit. */
bool cgroup_ran_out(const struct cgroup *cgroup);
/* When all in it have ended. */
void cgroup_remove(struct cgroup *cgroup);
#define CLEANUP_CGROUP __attribute__((cleanup(cgroup_remove)))

/* What is limited on this host, as words for a person: tried. The caller frees. */
char *cgroup_limits(bool *ret_memory, bool *ret_pids);

#endif
