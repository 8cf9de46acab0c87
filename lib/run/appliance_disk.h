/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an appliance left on a disk of ours (appliance/disk.h). */
#ifndef COLDPATCH_RUN_APPLIANCE_DISK_H
#define COLDPATCH_RUN_APPLIANCE_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Copies /NAME out of an image to a new file (0600), at most `limit` bytes.  1 copied, 0 there is
 * no such file, -1 error.  ERROR_GUEST: not a regular file, or longer. */
struct appliance_file {
	const char *name, *to;
	uint64_t limit;
	int found; /* set by the call */
};
int appliance_disk_read(const char *image_path, const char *socket_dir,
			struct appliance_file *files, size_t n_files, struct error *err);

#endif
