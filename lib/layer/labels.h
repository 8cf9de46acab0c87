/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SELinux labels of what changed.
 *
 * No run has them: the view of a sandbox cannot hold them, and a guest's tools that find SELinux
 * switched off write none.  So each path of the layer gets the label that the guest's own policy
 * has for it, as its package manager would have given it on the running machine.  No other path is
 * touched, and a label that an administrator chose stays.
 */
#ifndef COLDPATCH_LAYER_LABELS_H
#define COLDPATCH_LAYER_LABELS_H

#include "layer/diff.h"

/* Labels the changes.  Where the guest uses SELinux and that cannot be done, the guest is told to
 * do it at its next boot, by /.autorelabel, and *ret_why says why (allocated); else it is NULL.
 * `work_dir` is a private directory. */
int labels_put(struct diff *diff, struct tree *before, const char *work_dir, char **ret_why,
	       struct error *err);

#endif
