/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An initramfs with a program of 200 bytes: it writes PROBE_IMAGE_GREETING to the console and makes
 * the machine restart.  x86-64. */
#ifndef COLDPATCH_APPLIANCE_PROBE_IMAGE_H
#define COLDPATCH_APPLIANCE_PROBE_IMAGE_H

#include "base/buffer.h"

#define PROBE_IMAGE_GREETING "coldpatch: a kernel runs here\n"

/* Appends a cpio archive. */
void probe_image_make(struct buffer *ret);

#endif
