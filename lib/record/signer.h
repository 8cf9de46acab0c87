/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_RECORD_SIGNER_H
#define COLDPATCH_RECORD_SIGNER_H

#include "base/error.h"
#include "base/process.h"

/* What coldpatch-sign said when it failed: its exit code is the kind of its error, its message one
 * line.  Returns -1. */
int signer_error(struct process_result *result, const char *signer, struct error *err);

#endif
