/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every executor does with a request before it starts the runner. */
#ifndef COLDPATCH_RUN_PREPARE_H
#define COLDPATCH_RUN_PREPARE_H

#include "run/job.h"
#include "run/run.h"

/* The job of this request: commands, environment, answers; the places are left for the executor. */
struct job *job_prepare(const struct run_request *request, struct error *err);
/* Makes `directory` and copies the plan's package files there, hashed, under the names that
 * package_file_name gives, readable for everybody.  ERROR_TRUST, ERROR_MIRROR, ERROR_SPACE. */
int packages_prepare(const struct run_request *request, const char *directory, struct error *err);
/* Bytes of the files packages_prepare will write. */
uint64_t packages_size(const struct plan *plan);

#endif
