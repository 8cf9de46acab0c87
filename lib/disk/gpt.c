/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GUID partition table (UEFI 2.10, 5.3): a header with its checksum in sector 1, the checksummed
 * array of entries it points to, and a copy of both whose header is the last sector.  The kernel
 * looks for it with the logical sector size of the disk, which an image file does not tell; a
 * header is found at 512 or at 4096.
 */
#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "base/buffer.h"
#include "disk/table.h"

enum { MIN_HEADER_SIZE = 92, GUID_SIZE = 16, LABEL_OFFSET = 56, LABEL_UNITS = 36 };

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof value);
	return le32toh(value);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return le64toh(value);
}

uint32_t gpt_crc32(uint32_t crc, const uint8_t *data, size_t len)
{
	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
	}
	return ~crc;
}

/* The first three fields are little-endian, the rest is bytes. */
static void guid_format(const uint8_t *guid, char ret[static 40])
{
	snprintf(ret, 40, "%08x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", get32(guid),
		 guid[5], guid[4], guid[7], guid[6], guid[8], guid[9], guid[10], guid[11], guid[12],
		 guid[13], guid[14], guid[15]);
}

bool gpt_has_signature(const uint8_t *sector, size_t len)
{
	return len >= MIN_HEADER_SIZE && memcmp(sector, "EFI PART", 8) == 0;
}

static bool header_crc_is_right(const uint8_t *sector, uint32_t size)
{
	uint32_t crc = gpt_crc32(0, sector, 16);

	crc = gpt_crc32(crc, (const uint8_t[4]){0}, 4);
	return gpt_crc32(crc, sector + 20, size - 20) == get32(sector + 16);
}

static bool power_of_two(uint32_t n)
{
	return n && (n & (n - 1)) == 0;
}

bool gpt_header_parse(const uint8_t *sector, size_t len, uint64_t lba, uint64_t n_sectors,
		      struct gpt_header *ret)
{
	struct gpt_header header;
	uint32_t size;

	if (!gpt_has_signature(sector, len))
		return false;
	size = get32(sector + 12);
	if (size < MIN_HEADER_SIZE || size > len || !header_crc_is_right(sector, size) ||
	    get64(sector + 24) != lba)
		return false;
	header = (struct gpt_header){.n_sectors = n_sectors,
				     .first_usable = get64(sector + 40),
				     .last_usable = get64(sector + 48),
				     .entries_lba = get64(sector + 72),
				     .n_entries = get32(sector + 80),
				     .entry_size = get32(sector + 84),
				     .entries_crc = get32(sector + 88)};
	if (header.first_usable > header.last_usable || header.last_usable >= n_sectors ||
	    header.entries_lba >= n_sectors || header.n_entries > GPT_MAX_ENTRIES ||
	    header.entry_size < GPT_MIN_ENTRY_SIZE || header.entry_size > GPT_MAX_ENTRY_SIZE ||
	    !power_of_two(header.entry_size))
		return false;
	guid_format(sector + 56, header.disk_guid);
	*ret = header;
	return true;
}

static void put_utf8(struct buffer *to, uint32_t code)
{
	if (code < 0x80) {
		buffer_putc(to, (char)code);
	} else if (code < 0x800) {
		buffer_putc(to, (char)(0xc0 | code >> 6));
		buffer_putc(to, (char)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		buffer_putc(to, (char)(0xe0 | code >> 12));
		buffer_putc(to, (char)(0x80 | (code >> 6 & 0x3f)));
		buffer_putc(to, (char)(0x80 | (code & 0x3f)));
	} else {
		buffer_putc(to, (char)(0xf0 | code >> 18));
		buffer_putc(to, (char)(0x80 | (code >> 12 & 0x3f)));
		buffer_putc(to, (char)(0x80 | (code >> 6 & 0x3f)));
		buffer_putc(to, (char)(0x80 | (code & 0x3f)));
	}
}

static uint32_t unit_at(const uint8_t *units, size_t i)
{
	return i < LABEL_UNITS ? (uint32_t)units[2 * i] | (uint32_t)units[2 * i + 1] << 8 : 0;
}

/* UTF-16LE; half a surrogate pair becomes U+FFFD.  NULL when empty. */
static char *label_parse(const uint8_t *units)
{
	struct buffer label = {0};

	for (size_t i = 0; unit_at(units, i); i++) {
		uint32_t unit = unit_at(units, i), next = unit_at(units, i + 1);

		if (unit >> 10 == 0x36 && next >> 10 == 0x37) {
			put_utf8(&label, 0x10000 + ((unit & 0x3ff) << 10 | (next & 0x3ff)));
			i++;
		} else {
			put_utf8(&label, unit >> 11 == 0x1b ? 0xfffd : unit);
		}
	}
	return label.len ? buffer_steal(&label) : NULL;
}

/* False when the entry is used and lies outside the disk; like the kernel, the usable range that
 * the header claims is not held against it. */
static bool entry_parse(const struct gpt_header *header, const uint8_t *entry, unsigned number,
			size_t sector_size, struct partition_table *ret)
{
	uint64_t first = get64(entry + 32), last = get64(entry + 40);
	struct partition *partition;

	if (memcmp(entry, (const uint8_t[GUID_SIZE]){0}, GUID_SIZE) == 0)
		return true;
	if (first > last || last >= header->n_sectors)
		return false;
	partition = ARRAY_ADD(ret->partitions, ret->n_partitions);
	partition->number = number;
	partition->offset = first * sector_size;
	partition->size = (last - first + 1) * sector_size;
	guid_format(entry, partition->type);
	guid_format(entry + GUID_SIZE, partition->uuid);
	partition->label = label_parse(entry + LABEL_OFFSET);
	return true;
}

bool gpt_entries_parse(const struct gpt_header *header, const uint8_t *buf, size_t len,
		       size_t sector_size, struct partition_table *ret)
{
	if (len < (size_t)header->n_entries * header->entry_size ||
	    gpt_crc32(0, buf, (size_t)header->n_entries * header->entry_size) !=
		    header->entries_crc)
		return false;
	for (uint32_t i = 0; i < header->n_entries; i++)
		if (!entry_parse(header, buf + (size_t)i * header->entry_size, i + 1, sector_size,
				 ret))
			return false;
	return true;
}

/* One copy of the table.  1: read; 0: not there or damaged. */
static int copy_read(struct block *block, size_t sector_size, uint64_t lba,
		     struct partition_table *ret, struct error *err)
{
	uint64_t n_sectors = block_size(block) / sector_size;
	struct partition_table table = {.scheme = PARTITION_SCHEME_GPT};
	CLEANUP_FREE uint8_t *buf = xmalloc(sector_size);
	struct gpt_header header;
	uint64_t len, at;

	if (lba == 0 || lba >= n_sectors)
		return 0;
	if (block_read(block, buf, sector_size, lba * sector_size, err) < 0)
		return -1;
	if (!gpt_header_parse(buf, sector_size, lba, n_sectors, &header))
		return 0;
	len = (uint64_t)header.n_entries * header.entry_size;
	at = header.entries_lba * sector_size;
	if (len > block_size(block) - at)
		return 0;
	free(buf);
	buf = xmalloc(len + 1);
	if (block_read(block, buf, len, at, err) < 0)
		return -1;
	memcpy(table.id, header.disk_guid, sizeof table.id);
	if (!gpt_entries_parse(&header, buf, len, sector_size, &table)) {
		partition_table_free(&table);
		return 0;
	}
	*ret = table;
	return 1;
}

int gpt_read(struct block *block, struct partition_table *ret, struct error *err)
{
	static const size_t sector_sizes[] = {512, 4096};
	enum { N = sizeof sector_sizes / sizeof *sector_sizes };

	for (size_t i = 0; i < 2 * N; i++) {
		size_t sector_size = sector_sizes[i % N];
		uint64_t lba = i < N ? 1 : block_size(block) / sector_size - 1;
		int outcome;

		if (block_size(block) < 3 * sector_size)
			continue;
		outcome = copy_read(block, sector_size, lba, ret, err);
		if (outcome != 0)
			return outcome < 0 ? -1 : 0;
	}
	return error_set(err, ERROR_IMAGE,
			 "both copies of the GPT are damaged, or the disk was cut short");
}
