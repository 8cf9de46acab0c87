/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_RUN_APPLIANCE_H
#define COLDPATCH_RUN_APPLIANCE_H

#include "run/run.h"

extern const struct executor appliance_executor;

#endif
