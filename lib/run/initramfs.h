/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_RUN_INITRAMFS_H
#define COLDPATCH_RUN_INITRAMFS_H

#include "run/job.h"
#include "run/run.h"

/* Adds to the job what the guest's initramfs tool is to be told during the run. */
int initramfs_prepare(const struct run_request *request, struct job *job, struct error *err);

#endif
