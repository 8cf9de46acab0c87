/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's accounts and groups, whom its packages can give files to. */
#ifndef COLDPATCH_RUN_ACCOUNTS_H
#define COLDPATCH_RUN_ACCOUNTS_H

#include "fs/tree.h"

/* A warning about the first whose id is outside VIEW_IDS, for the caller to free; NULL: there is
 * none.  What /etc/passwd and /etc/group do not list, or not in a form that can be read, is not
 * looked at. */
char *accounts_warning(struct tree *tree);

#endif
