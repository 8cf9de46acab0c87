/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building a fixed appliance, and what it is built from; for fixed.c. */
#ifndef COLDPATCH_APPLIANCE_FIXED_BUILD_H
#define COLDPATCH_APPLIANCE_FIXED_BUILD_H

#include "base/error.h"
#include "base/monitor.h"

#define FIXED_DIGESTS  "digests"
#define FIXED_MANIFEST "manifest.json"
#define FIXED_N_FILES  5
/* kernel, initrd, root, README.fixed, digests */
extern const char *const fixed_files[FIXED_N_FILES];

/* 64 hexadecimal digits that change with what a build would use; the caller frees.  ERROR_HOST
 * names what is missing. */
char *fixed_appliance_key(struct error *err);
/* Makes `directory`, which must not exist, with all of fixed_files, read-only and synced.
 * `work_dir` is for temporary files and sockets. */
int fixed_appliance_build(const char *directory, const char *work_dir,
			  const struct monitor *monitor, struct error *err);
/* Where supermin's description of libguestfs's appliance is; NULL: nowhere. */
const char *fixed_appliance_description(void);

#endif
