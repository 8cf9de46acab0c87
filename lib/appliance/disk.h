/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks of ours that an appliance gets: ext4 without a journal, made by mke2fs and read by
 * lib/fs, so that nothing of the host mounts them.  Whatever a guest's file system keeps of a file
 * fits. */
#ifndef COLDPATCH_APPLIANCE_DISK_H
#define COLDPATCH_APPLIANCE_DISK_H

#include <stdint.h>

#include "base/error.h"

/* A raw image, sparse, of the directory's content and at least `size` bytes. */
int appliance_disk_make(const char *image_path, const char *directory, uint64_t size,
			struct error *err);
/* Copies the runner into the directory as "runner". */
int appliance_disk_add_runner(const char *runner, const char *directory, uint64_t *ret_size,
			      struct error *err);

#endif
