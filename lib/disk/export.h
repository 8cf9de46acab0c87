/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image for another program: a qemu-nbd that many may connect to, by the name of its socket. */
#ifndef COLDPATCH_DISK_EXPORT_H
#define COLDPATCH_DISK_EXPORT_H

#include "base/memory.h"
#include "disk/image.h"

struct image_export;

/* Serves the whole image read-only at `socket_path` (must not exist; at most 107 bytes), with the
 * same explicit graph and the same limits as image_attach. */
struct image_export *image_export(const struct image *image, const char *socket_path,
				  struct error *err);
/* Ends the server and removes the socket. */
void image_export_free(struct image_export *export);
DEFINE_CLEANUP(struct image_export, image_export_free)

#endif
