/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACLs.  Both forms are little endian: a 32-bit version, then entries of 16-bit tag and 16-bit
 * permissions.  The form of the system call (version 2, linux/posix_acl_xattr.h) has a 32-bit id in
 * every entry, -1 where it means nothing; the form of the disk (version 1, fs/ext4/acl.h) has it
 * only for named users and groups.  libext2fs converts too, but reads beyond a damaged value and
 * writes 0 for -1.
 */
#include <endian.h>
#include <string.h>

#include "fs/ext.h"

#define TAG_USER     0x02
#define TAG_GROUP    0x08
#define KNOWN_TAGS   (0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x20)

#define DISK_VERSION 1u
#define CALL_VERSION 2u

bool ext_acl_is_name(const char *name)
{
	return strcmp(name, "system.posix_acl_access") == 0 ||
	       strcmp(name, "system.posix_acl_default") == 0;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static bool is_version(const uint8_t *p, size_t size, uint32_t version)
{
	uint32_t raw;

	if (size < sizeof raw)
		return false;
	memcpy(&raw, p, sizeof raw);
	return le32toh(raw) == version;
}

static size_t put_version(uint8_t *p, uint32_t version)
{
	uint32_t raw = htole32(version);

	memcpy(p, &raw, sizeof raw);
	return sizeof raw;
}

static bool tag_known(uint16_t tag)
{
	return tag && !(tag & (tag - 1)) && !(tag & ~KNOWN_TAGS);
}

static bool tag_has_id(uint16_t tag)
{
	return tag == TAG_USER || tag == TAG_GROUP;
}

void *ext_acl_from_disk(const void *disk, size_t size, size_t *ret_size)
{
	const uint8_t *from = disk;
	CLEANUP_FREE uint8_t *value = xmalloc(2 * size + 8);
	size_t at = 4, len;

	if (!is_version(from, size, DISK_VERSION))
		return NULL;
	len = put_version(value, CALL_VERSION);
	while (at < size) {
		size_t step = size - at >= 4 && tag_has_id(get16(from + at)) ? 8 : 4;

		if (size - at < step || !tag_known(get16(from + at)))
			return NULL;
		memset(value + len + 4, 0xff, 4);
		memcpy(value + len, from + at, step);
		at += step;
		len += 8;
	}
	*ret_size = len;
	return steal(value);
}

void *ext_acl_to_disk(const void *value, size_t size, size_t *ret_size)
{
	const uint8_t *from = value;
	CLEANUP_FREE uint8_t *disk = xmalloc(size);
	size_t len;

	if (!is_version(from, size, CALL_VERSION) || (size - 4) % 8)
		return NULL;
	len = put_version(disk, DISK_VERSION);
	for (size_t at = 4; at < size; at += 8) {
		size_t step = tag_has_id(get16(from + at)) ? 8 : 4;

		if (!tag_known(get16(from + at)))
			return NULL;
		memcpy(disk + len, from + at, step);
		len += step;
	}
	*ret_size = len;
	return steal(disk);
}
