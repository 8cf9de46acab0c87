/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/initramfs.h"

#include <string.h>

/* The kernel's own list: init/initramfs.c for cpio, lib/decompress.c for the others. */
static const struct {
	size_t len;
	const char *bytes;
} magics[] = {
	{6, "070701"},		 /* cpio newc */
	{6, "070702"},		 /* cpio newc with checksums */
	{2, "\x1f\x8b"},	 /* gzip */
	{3, "BZh"},		 /* bzip2 */
	{3, "\x5d\x00\x00"},	 /* lzma */
	{6, "\xfd\x37zXZ\x00"},	 /* xz */
	{4, "\x89LZO"},		 /* lzop */
	{4, "\x02\x21\x4c\x18"}, /* lz4, legacy frame */
	{4, "\x28\xb5\x2f\xfd"}, /* zstd */
};

bool initramfs_is_plausible(const char *buf, size_t len)
{
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (len >= magics[i].len && memcmp(buf, magics[i].bytes, magics[i].len) == 0)
			return true;
	return false;
}
