/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_RUN_CAPTURE_CHECK_H
#define COLDPATCH_RUN_CAPTURE_CHECK_H

#include "run/capture.h"

/* Sorts the entries, which must form a tree, and gives the content of an inode to the first of its
 * names.  ERROR_GUEST. */
int capture_check(struct capture *capture, struct error *err);

#endif
