/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worker's view of the host's files, by mounts that only it sees. */
#ifndef COLDPATCH_SESSION_CONFINE_MOUNTS_H
#define COLDPATCH_SESSION_CONFINE_MOUNTS_H

#include "session/confine_paths.h"

/* Whether we have the privilege. */
bool confine_mounts_possible(void);

/* A mount namespace in which the directory of each key is empty, or just the key where one
 * of the paths is in that directory.  With `read_only`, nothing can be written but the writable
 * paths and what lies below /proc. */
int confine_mounts(const struct paths *paths, bool read_only, const json_t *keys,
		   struct error *err);

#endif
