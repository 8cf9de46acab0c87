/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system of our own making in a file, mounted where only this thread and its children see
 * it.  When they are gone, however they went, only the file is left. */
#ifndef COLDPATCH_RUN_SCRATCH_H
#define COLDPATCH_RUN_SCRATCH_H

#include <stdint.h>

#include "base/error.h"
#include "base/monitor.h"

struct scratch {
	char *mountpoint; /* DIRECTORY/view */
	char *file;	  /* DIRECTORY/view.img */
	int old_namespace;
};

struct scratch_spec {
	const char *directory; /* private (0700) */
	uint64_t bytes;	       /* reserved on the host, and the limit of what can be written */
	uint64_t inodes;
	const struct monitor *monitor;
};

/* The calling thread gets a mount namespace of its own.  ERROR_SPACE when the host has not that
 * much room; ERROR_HOST. */
int scratch_make(const struct scratch_spec *spec, struct scratch *ret, struct error *err);
/* Unmounts, removes the file, and goes back to the old mount namespace. */
void scratch_free(struct scratch *scratch);
#define CLEANUP_SCRATCH __attribute__((cleanup(scratch_free)))

#endif
