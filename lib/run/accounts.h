/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's accounts and groups, whom its packages can give files to. */
#ifndef COLDPATCH_RUN_ACCOUNTS_H
#define COLDPATCH_RUN_ACCOUNTS_H

#include "fs/tree.h"

/* ERROR_HOST, with the name and the executor that can, when one has an id outside VIEW_IDS.  What
 * /etc/passwd and /etc/group do not list, or not in a form that can be read, is not looked at. */
int accounts_check(struct tree *tree, struct error *err);

#endif
