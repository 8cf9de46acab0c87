/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_BOOT_INITRAMFS_H
#define COLDPATCH_BOOT_INITRAMFS_H

#include <stdbool.h>
#include <stddef.h>

enum { INITRAMFS_MAGIC_SIZE = 8 };

/* Do these first bytes begin a cpio archive or a compressed one, in a form the kernel unpacks? */
bool initramfs_is_plausible(const char *buf, size_t len);

#endif
