/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image as one standalone file: no backing file, no internal snapshots. */
#ifndef COLDPATCH_DISK_CONVERT_H
#define COLDPATCH_DISK_CONVERT_H

#include "disk/image.h"

/* "qcow2", "raw", "vmdk" (one file, monolithicSparse). */
bool image_export_format(const char *name, enum image_format *ret);

/* Writes what a guest would read from `image` to a new file `path` (must not exist; mode 0600), and
 * waits until it is on the disk.  qemu-img does it, confined as in image_attach.  On failure
 * nothing is left. */
int image_convert(const struct image *image, const char *path, enum image_format format,
		  const struct monitor *monitor, struct error *err);

/* A file that image_convert has made, for reading it back; of any of its formats. */
struct image *image_open_converted(const char *path, enum image_format format, struct error *err);

#endif
