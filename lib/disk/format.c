/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names files that are not ours to read, and tells a raw disk from a file that is no disk, both by
 * their magic numbers. */
#include <string.h>

#include "disk/header.h"

struct magic {
	const char *name;
	size_t offset;
	const char *bytes;
	size_t len;
};
#define MAGIC(name, offset, bytes)                                                                 \
	{                                                                                          \
		name, offset, bytes, sizeof(bytes) - 1                                             \
	}

static const struct magic foreign[] = {
	MAGIC("a VMDK image", 0, "KDMV"),
	MAGIC("a VMDK image", 0, "COWD"),
	MAGIC("a VMDK descriptor", 0, "# Disk DescriptorFile"),
	MAGIC("a VHDX image", 0, "vhdxfile"),
	MAGIC("a VHD (vpc) image", 0, "conectix"),
	MAGIC("a VDI image", 0x40, "\x7f\x10\xda\xbe"),
	MAGIC("a QED image", 0, "QED\0"),
	MAGIC("a qcow version 1 image", 0, "QFI\xfb\0\0\0\x01"),
	MAGIC("a Parallels image", 0, "WithoutFreeSpace"),
	MAGIC("a Parallels image", 0, "WithouFreSpacExt"),
	MAGIC("encrypted with LUKS", 0, "LUKS\xba\xbe"),
	MAGIC("compressed with gzip", 0, "\x1f\x8b\x08"),
	MAGIC("compressed with xz", 0,
	      "\xfd"
	      "7zXZ\0"),
	MAGIC("compressed with zstd", 0, "\x28\xb5\x2f\xfd"),
	MAGIC("compressed with bzip2", 0, "BZh"),
	MAGIC("a zip archive", 0, "PK\x03\x04"),
	MAGIC("a tar archive (an OVA?)", 257, "ustar"),
};

/* The file systems and volume managers whose name a refusal further up may give. */
static const struct magic disks[] = {
	MAGIC("boot sector", 510, "\x55\xaa"),
	MAGIC("gpt", 512, "EFI PART"),
	MAGIC("gpt", 4096, "EFI PART"),
	MAGIC("ext", 1080, "\x53\xef"),
	MAGIC("xfs", 0, "XFSB"),
	MAGIC("btrfs", 65536 + 64, "_BHRfS_M"),
	MAGIC("lvm", 0, "LABELONE"),
	MAGIC("lvm", 512, "LABELONE"),
	MAGIC("lvm", 1024, "LABELONE"),
	MAGIC("lvm", 1536, "LABELONE"),
	MAGIC("squashfs", 0, "hsqs"),
	MAGIC("erofs", 1024, "\xe2\xe1\xf5\xe0"),
	MAGIC("f2fs", 1024, "\x10\x20\xf5\xf2"),
	MAGIC("iso9660", 32769, "CD001"),
	MAGIC("md", 4096, "\xfc\x4e\x2b\xa9"),
};

static bool magic_matches(const struct magic *magic, const uint8_t *buf, size_t len)
{
	return magic->offset + magic->len <= len &&
	       memcmp(buf + magic->offset, magic->bytes, magic->len) == 0;
}

const char *foreign_format_name(const uint8_t *head, size_t head_len, const uint8_t *tail,
				size_t tail_len)
{
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		if (magic_matches(&foreign[i], head, head_len))
			return foreign[i].name;
	if (tail_len == 512 && memcmp(tail, "conectix", 8) == 0)
		return "a VHD (vpc) image";
	return NULL;
}

bool raw_looks_like_disk(const uint8_t *head, size_t len)
{
	for (size_t i = 0; i < sizeof disks / sizeof *disks; i++)
		if (magic_matches(&disks[i], head, len))
			return true;
	return false;
}
