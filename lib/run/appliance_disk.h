/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two disks of ours that an appliance gets: both ext4 without a journal, made by mke2fs and
 * read by lib/fs, so that nothing of the host mounts them. */
#ifndef COLDPATCH_RUN_APPLIANCE_DISK_H
#define COLDPATCH_RUN_APPLIANCE_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A raw image, sparse, of the directory's content and at least `size` bytes. */
int appliance_disk_make(const char *image_path, const char *directory, uint64_t size,
			struct error *err);
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
