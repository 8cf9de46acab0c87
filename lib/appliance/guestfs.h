/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part that runs in the child; guestfs.c is the only file that calls libguestfs. */
#ifndef COLDPATCH_APPLIANCE_GUESTFS_H
#define COLDPATCH_APPLIANCE_GUESTFS_H

#include "appliance/appliance.h"
#include "base/buffer.h"

enum guestfs_phase {
	PHASE_LAUNCH,
	PHASE_MOUNT,
	PHASE_PROGRAM,
	PHASE_SHUTDOWN,
	PHASE_END,
};

struct guestfs_job {
	const struct appliance_job *job;
	const char *work_dir, *appliance; /* where the child sees them */
	/* Called when a phase begins; `what` is worked on. */
	void (*phase)(void *opaque, enum guestfs_phase phase, const char *what);
	void *opaque;
	char *kernel; /* gets the release; as large as in struct appliance_outcome */
};

int guestfs_job_run(const struct guestfs_job *run, struct error *err);
/* Appends "libguestfs VERSION\n". */
void guestfs_job_version(struct buffer *ret);

#endif
