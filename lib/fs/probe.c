/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File systems and containers that no back end reads, told by their magic numbers, so that they can
 * be refused by name.  Offsets and layouts are those of util-linux's libblkid.
 */
#include <byteswap.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "fs/fs_ops.h"

#define HEAD_SIZE                                                                                  \
	(68u << 10) /* of the device; every magic but swap's on large pages lies in it             \
		     */

struct head {
	uint8_t *data;
	size_t len;
};

static const uint8_t *at(const struct head *head, size_t offset, size_t len)
{
	return offset <= head->len && len <= head->len - offset ? head->data + offset : NULL;
}

static bool matches(const struct head *head, size_t offset, const char *magic, size_t len)
{
	const uint8_t *p = at(head, offset, len);

	return p && memcmp(p, magic, len) == 0;
}

void probe_format_uuid(const uint8_t bytes[static 16], char ret[static 40])
{
	char *p = ret;

	for (int i = 0; i < 16; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			     bytes[i]);
}

char *probe_label(const void *bytes, size_t len)
{
	const char *text = bytes;

	len = strnlen(text, len);
	while (len && text[len - 1] == ' ')
		len--;
	return len ? xstrndup(text, len) : NULL;
}

static uint16_t le16_at(const struct head *head, size_t offset)
{
	const uint8_t *p = at(head, offset, 2);

	return p ? (uint16_t)(p[0] | p[1] << 8) : 0;
}

static uint32_t le32_at(const struct head *head, size_t offset)
{
	return le16_at(head, offset) | (uint32_t)le16_at(head, offset + 2) << 16;
}

/* What most superblocks have: a UUID of 16 bytes and a label, at fixed places. */
struct known {
	const char *type;
	size_t offset;
	const char *magic;
	size_t magic_len;
	size_t uuid;  /* 0: none */
	size_t label; /* 0: none */
	size_t label_len;
};

#define MAGIC(text) text, sizeof text - 1

static const struct known known[] = {
	{"xfs", 0, MAGIC("XFSB"), 32, 108, 12},
	{"btrfs", 0x10040, MAGIC("_BHRfS_M"), 0x10020, 0x1012b, 256},
	{"erofs", 1024, MAGIC("\xe2\xe1\xf5\xe0"), 1024 + 48, 1024 + 64, 16},
	{"squashfs", 0, MAGIC("hsqs"), 0, 0, 0},
	{"squashfs", 0, MAGIC("sqsh"), 0, 0, 0},
	{"udf", 0x8001, MAGIC("BEA01"), 0, 0, 0},
	{"bcachefs", 4096 + 24,
	 MAGIC("\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"), 4096 + 56,
	 4096 + 72, 32},
	{"linux_raid_member", 4096, MAGIC("\xfc\x4e\x2b\xa9"), 4096 + 16, 4096 + 32, 32},
	{"linux_raid_member", 0, MAGIC("\xfc\x4e\x2b\xa9"), 16, 32, 32},
	{"swap", 4086, MAGIC("SWAPSPACE2"), 1036, 1052, 16},
	{"swap", 65526, MAGIC("SWAPSPACE2"), 1036, 1052, 16},
	{"swsuspend", 4086, MAGIC("S1SUSPEND"), 1036, 1052, 16},
	{"jfs", 0x8000, MAGIC("JFS1"), 0x8088, 0x8098, 16},
	{"reiserfs", 0x10034, MAGIC("ReIsEr2Fs"), 0x10054, 0x10064, 16},
};

static bool probe_known(const struct head *head, struct fs_info *info)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const struct known *entry = &known[i];
		const uint8_t *uuid, *label;

		if (!matches(head, entry->offset, entry->magic, entry->magic_len))
			continue;
		info->type = entry->type;
		uuid = entry->uuid ? at(head, entry->uuid, 16) : NULL;
		label = entry->label ? at(head, entry->label, entry->label_len) : NULL;
		if (uuid)
			probe_format_uuid(uuid, info->uuid);
		if (label)
			info->label = probe_label(label, entry->label_len);
		return true;
	}
	return false;
}

/* UTF-16LE of the basic plane to UTF-8. */
static char *label_utf16(const uint8_t *bytes, size_t n_units)
{
	struct buffer text = {0};

	for (size_t i = 0; i < n_units; i++) {
		unsigned c = bytes[2 * i] | (unsigned)bytes[2 * i + 1] << 8;

		if (!c)
			break;
		if (c < 0x80) {
			buffer_putc(&text, (char)c);
		} else if (c < 0x800) {
			buffer_putc(&text, (char)(0xc0 | c >> 6));
			buffer_putc(&text, (char)(0x80 | (c & 0x3f)));
		} else {
			buffer_putc(&text, (char)(0xe0 | c >> 12));
			buffer_putc(&text, (char)(0x80 | (c >> 6 & 0x3f)));
			buffer_putc(&text, (char)(0x80 | (c & 0x3f)));
		}
	}
	return text.len ? buffer_steal(&text) : NULL;
}

static bool probe_f2fs(const struct head *head, struct fs_info *info)
{
	if (!matches(head, 1024, "\x10\x20\xf5\xf2", 4) || !at(head, 1024 + 108, 16 + 1024))
		return false;
	info->type = "f2fs";
	probe_format_uuid(head->data + 1024 + 108, info->uuid);
	info->label = label_utf16(head->data + 1024 + 124, 512);
	return true;
}

static bool probe_luks(const struct head *head, struct fs_info *info)
{
	const uint8_t *uuid = at(head, 168, 40);

	if (!matches(head, 0, "LUKS\xba\xbe", 6))
		return false;
	info->type = "crypto_LUKS";
	if (uuid)
		memcpy(info->uuid, uuid, strnlen((const char *)uuid, sizeof info->uuid - 1));
	if (at(head, 6, 2)[1] == 2 && at(head, 24, 48))
		info->label = probe_label(head->data + 24, 48);
	return true;
}

/* The label may be in any of the first four sectors. */
static bool probe_lvm(const struct head *head, struct fs_info *info)
{
	static const uint8_t groups[] = {6, 4, 4, 4, 4, 4, 6};

	for (size_t sector = 0; sector < 4; sector++) {
		size_t base = 512 * sector;
		const uint8_t *uuid;
		char *p = info->uuid;

		if (!matches(head, base, "LABELONE", 8) || !matches(head, base + 24, "LVM2 001", 8))
			continue;
		info->type = "LVM2_member";
		uuid = at(head, base + le32_at(head, base + 20), 32);
		for (size_t i = 0; uuid && i < sizeof groups; i++) {
			p += sprintf(p, "%s%.*s", i ? "-" : "", groups[i], (const char *)uuid);
			uuid += groups[i];
		}
		return true;
	}
	return false;
}

/* The time of the last change stands for a UUID, or of the making: 16 digits. */
static bool probe_iso9660(const struct head *head, struct fs_info *info)
{
	static const uint8_t groups[] = {4, 2, 2, 2, 2, 2, 2};
	const uint8_t *digits = at(head, 0x8000 + 830, 16);
	const uint8_t *label = at(head, 0x8028, 32);
	char *p = info->uuid;

	if (!matches(head, 0x8001, MAGIC("CD001")) || !digits || !label)
		return false;
	if (memcmp(digits, "0000000000000000", 16) == 0)
		digits = head->data + 0x8000 + 813;
	info->type = "iso9660";
	info->label = probe_label(label, 32);
	for (size_t i = 0; i < 16; i++)
		if (digits[i] < '0' || digits[i] > '9')
			return true;
	for (size_t i = 0; i < sizeof groups; i++) {
		p += sprintf(p, "%s%.*s", i ? "-" : "", groups[i], (const char *)digits);
		digits += groups[i];
	}
	return true;
}

static bool probe_ntfs(const struct head *head, struct fs_info *info)
{
	const uint8_t *serial = at(head, 72, 8);

	if (!matches(head, 3, "NTFS    ", 8) || !serial)
		return false;
	info->type = "ntfs";
	for (int i = 7; i >= 0; i--)
		sprintf(info->uuid + 2 * (7 - i), "%02X", serial[i]);
	return true;
}

static bool is_power_of_two(unsigned n)
{
	return n && !(n & (n - 1));
}

static void fat_identity(const struct head *head, size_t serial, struct fs_info *info)
{
	const uint8_t *label = at(head, serial + 4, 11);

	info->type = "vfat";
	sprintf(info->uuid, "%04X-%04X", le16_at(head, serial + 2), le16_at(head, serial));
	if (label && memcmp(label, "NO NAME    ", 11) != 0)
		info->label = probe_label(label, 11);
}

/* A FAT boot sector is told by its type string and by numbers that make sense. */
static bool probe_fat(const struct head *head, struct fs_info *info)
{
	unsigned sector = le16_at(head, 11);
	const uint8_t *cluster = at(head, 13, 1);

	if (le16_at(head, 510) != 0xaa55 || !cluster || !is_power_of_two(*cluster) ||
	    !is_power_of_two(sector) || sector < 512 || sector > 4096)
		return false;
	if (matches(head, 82, "FAT32   ", 8))
		fat_identity(head, 67, info);
	else if (matches(head, 54, "FAT12   ", 8) || matches(head, 54, "FAT16   ", 8) ||
		 matches(head, 54, "FAT     ", 8))
		fat_identity(head, 39, info);
	return info->type != NULL;
}

static bool probe_exfat(const struct head *head, struct fs_info *info)
{
	if (!matches(head, 3, "EXFAT   ", 8))
		return false;
	info->type = "exfat";
	sprintf(info->uuid, "%04X-%04X", le16_at(head, 102), le16_at(head, 100));
	return true;
}

/* An uberblock in the first label; the pool's identity lies in packed name-value pairs. */
static bool probe_zfs(struct block *block, struct fs_info *info)
{
	uint64_t magic;
	struct error ignored = {0};

	for (uint64_t offset = 128u << 10; offset < 256u << 10; offset += 1024) {
		if (offset + sizeof magic > block_size(block) ||
		    block_read(block, &magic, sizeof magic, offset, &ignored) < 0)
			return false;
		if (magic == 0x00bab10c || magic == bswap_64(0x00bab10c)) {
			info->type = "zfs_member";
			return true;
		}
	}
	return false;
}

/* md metadata 0.90 and 1.0 lie near the end of the device. */
static bool probe_raid_at_end(struct block *block, struct fs_info *info)
{
	uint64_t size = block_size(block);
	uint8_t raw[32];
	struct error ignored = {0};

	if (size < 128u << 10)
		return false;
	if (block_read(block, raw, sizeof raw, (size & ~(uint64_t)0xffff) - 0x10000, &ignored) ==
		    0 &&
	    memcmp(raw, "\xfc\x4e\x2b\xa9", 4) == 0)
		info->type = "linux_raid_member";
	else if (block_read(block, raw, sizeof raw, (((size >> 9) - 16) & ~(uint64_t)7) << 9,
			    &ignored) == 0 &&
		 memcmp(raw, "\xfc\x4e\x2b\xa9\1\0\0\0", 8) == 0)
		info->type = "linux_raid_member";
	if (!info->type)
		return false;
	if (memcmp(raw + 4, "\1\0\0\0", 4) == 0)
		probe_format_uuid(raw + 16, info->uuid);
	return true;
}

int probe_superblock(struct block *block, struct fs_info *ret, struct error *err)
{
	CLEANUP_FREE uint8_t *data = xcalloc(1, HEAD_SIZE);
	struct head head = {.data = data, .len = HEAD_SIZE};

	if (block_size(block) < head.len)
		head.len = (size_t)block_size(block);
	if (head.len && block_read(block, data, head.len, 0, err) < 0)
		return -1;
	/* In this order: a boot sector survives under what is made over it later. */
	(void)(probe_luks(&head, ret) || probe_lvm(&head, ret) || probe_known(&head, ret) ||
	       probe_iso9660(&head, ret) || probe_f2fs(&head, ret) || probe_ntfs(&head, ret) ||
	       probe_exfat(&head, ret) || probe_raid_at_end(block, ret) || probe_fat(&head, ret) ||
	       probe_zfs(block, ret));
	return 0;
}
