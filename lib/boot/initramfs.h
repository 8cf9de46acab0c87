/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Initial RAM file systems (kernel's Documentation/driver-api/early-userspace/buffer-format.rst):
 * cpio archives one after the other, the last of them compressed or not. */
#ifndef COLDPATCH_BOOT_INITRAMFS_H
#define COLDPATCH_BOOT_INITRAMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { INITRAMFS_MAGIC_SIZE = 8 };

/* Do these first bytes begin a cpio archive or a compressed one, in a form the kernel unpacks? */
bool initramfs_is_plausible(const char *buf, size_t len);

/* Hands on the names of what is in it, and the sizes in bytes.  1 when that was all, 0 when a part
 * is compressed in a way that is not read here (lzma, lzo, lz4); ERROR_GUEST for what is damaged.
 */
int initramfs_each_name(const char *buf, size_t len,
			void (*each)(void *opaque, const char *name, uint64_t size), void *opaque,
			struct error *err);

#endif
