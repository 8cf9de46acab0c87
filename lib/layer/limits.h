/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What changed on a file system that keeps less than others (fs_limits): the layer has what it
 * would give back, so that what is read after the commit is what the layer says.
 */
#ifndef COLDPATCH_LAYER_LIMITS_H
#define COLDPATCH_LAYER_LIMITS_H

#include "layer/diff.h"

/* After labels and all else that changes entries.  ERROR_IMAGE: a link, a device, a name that there
 * cannot be, or two that are one (fs/limited_names.h), unless one of them is removed. */
int limits_put(struct diff *diff, struct tree *before, struct error *err);

#endif
