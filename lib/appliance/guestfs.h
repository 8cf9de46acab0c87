/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part that runs in the child; guestfs.c is the only file that sees libguestfs. */
#ifndef COLDPATCH_APPLIANCE_GUESTFS_H
#define COLDPATCH_APPLIANCE_GUESTFS_H

#include "appliance/appliance.h"

int guestfs_job_run(const struct appliance_job *job, struct error *err);

#endif
