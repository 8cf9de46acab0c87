/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_RUN_SANDBOX_H
#define COLDPATCH_RUN_SANDBOX_H

#include "run/run.h"

extern const struct executor sandbox_executor;

#endif
