/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of image files, for a library that keeps its own. */
#ifndef COLDPATCH_DISK_COPY_H
#define COLDPATCH_DISK_COPY_H

#include "disk/image.h"

/* Copies all of `from`, sharing blocks where the file system can and keeping holes, to `path`,
 * which must not exist; mode 0600, not synced.  Progress is told as stage "copy".  On failure there
 * is no file. */
int image_file_copy(int from, const char *path, const struct monitor *monitor, struct error *err);

/* Rewrites what the header of a qcow2 file of ours names as its backing file.  Nobody looks whether
 * there is such a file, or what is in it. */
int image_file_set_backing(const char *path, const char *backing_name, enum image_format format,
			   struct error *err);

#endif
