/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A workspace: a private directory that exists as long as one run, and no longer.
 *
 * Its owner holds a lock on LOCK in it.  Three nets catch it: the run's end removes it; a janitor
 * (a process of its own that outlives us) removes it when we are killed; and the next run in the
 * same place removes those whose lock nobody holds, for when the janitor was killed as well.  It is
 * made and locked under another name, PREFIX-RUN.new, and one of that name is swept only when it is
 * old.
 */
#ifndef COLDPATCH_SESSION_WORKSPACE_H
#define COLDPATCH_SESSION_WORKSPACE_H

#include <sys/types.h>

#include "base/error.h"
#include "base/memory.h"

#define WORKSPACE_PREFIX "coldpatch" /* in scratch */

struct workspace {
	char *path;
	int lock;
	pid_t janitor;
	int janitor_pipe;
};

/* Makes PARENT/PREFIX-RUN, mode 0700.  `janitor` is the path of coldpatch-janitor. */
struct workspace *workspace_new(const char *parent, const char *prefix, const char *run,
				const char *janitor, struct error *err);
/* Removes those of scratch that were abandoned; making one in a directory does the same for its own
 * prefix there. */
void workspaces_sweep(const char *scratch);
/* Removes the directory and dismisses the janitor. */
void workspace_free(struct workspace *workspace);
DEFINE_CLEANUP(struct workspace, workspace_free)

/* The janitor's side: waits until the other end of the pipe is closed, then removes `path` if it is
 * still there. */
int workspace_guard(const char *path, int pipe);

#endif
