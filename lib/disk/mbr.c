/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of the DOS boot sector, judged and counted as the kernel does
 * (block/partitions/msdos.c): four entries; an extended one starts a chain of boot sectors, each
 * with one logical partition, relative to that boot sector, and the next link, relative to the
 * start of the extended partition.
 */
#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "disk/table.h"

enum {
	SIGNATURE_OFFSET = 510,
	ENTRIES_OFFSET = 446,
	ENTRY_SIZE = 16,
	DISK_ID_OFFSET = 440,
	FIRST_LOGICAL = 5,
	MAX_LINKS = 100,
	TYPE_GPT = 0xee,
};

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof value);
	return le32toh(value);
}

static bool is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static bool has_signature(const uint8_t *sector, size_t len)
{
	return len >= SECTOR_SIZE && sector[SIGNATURE_OFFSET] == 0x55 &&
	       sector[SIGNATURE_OFFSET + 1] == 0xaa;
}

bool mbr_entries_parse(const uint8_t *sector, size_t len, struct mbr_entry ret[static 4])
{
	if (!has_signature(sector, len))
		return false;
	for (int i = 0; i < 4; i++) {
		const uint8_t *entry = sector + ENTRIES_OFFSET + i * ENTRY_SIZE;

		ret[i] = (struct mbr_entry){
			.type = entry[4], .start = get32(entry + 8), .count = get32(entry + 12)};
	}
	return true;
}

/* NTFS, exFAT, or FAT with a BIOS parameter block that makes sense. */
static bool is_file_system(const uint8_t *sector)
{
	unsigned bytes = sector[11] | sector[12] << 8, per_cluster = sector[13];

	if (memcmp(sector + 3, "NTFS    ", 8) == 0 || memcmp(sector + 3, "EXFAT   ", 8) == 0)
		return true;
	if (memcmp(sector + 54, "FAT", 3) != 0 && memcmp(sector + 82, "FAT32", 5) != 0)
		return false;
	return bytes >= 512 && bytes <= 4096 && (bytes & (bytes - 1)) == 0 && per_cluster &&
	       (per_cluster & (per_cluster - 1)) == 0;
}

static bool flags_are_sane(const uint8_t *sector)
{
	for (int i = 0; i < 4; i++)
		if (sector[ENTRIES_OFFSET + i * ENTRY_SIZE] & 0x7f)
			return false;
	return true;
}

enum mbr_kind mbr_kind_of(const uint8_t *sector, size_t len)
{
	struct mbr_entry entries[4];
	bool used = false;

	if (!mbr_entries_parse(sector, len, entries) || is_file_system(sector) ||
	    !flags_are_sane(sector))
		return MBR_NONE;
	for (int i = 0; i < 4; i++) {
		if (entries[i].type == TYPE_GPT)
			return MBR_PROTECTIVE;
		used = used || entries[i].count;
	}
	return used ? MBR_TABLE : MBR_NONE;
}

struct mbr_reader {
	struct block *block;
	uint32_t disk_id;
	struct partition_table table;
	unsigned n_links;
	unsigned next_logical;
};

static int partition_add(struct mbr_reader *reader, unsigned number, const struct mbr_entry *entry,
			 uint64_t base, struct error *err)
{
	uint64_t offset = (base + entry->start) * SECTOR_SIZE, size = entry->count * SECTOR_SIZE;
	struct partition *partition;

	if (offset > block_size(reader->block) || size > block_size(reader->block) - offset)
		return error_set(
			err, ERROR_IMAGE,
			"partition %u lies beyond the end of the disk, which may have been "
			"cut short",
			number);
	partition = ARRAY_ADD(reader->table.partitions, reader->table.n_partitions);
	partition->number = number;
	partition->offset = offset;
	partition->size = size;
	snprintf(partition->type, sizeof partition->type, "0x%x", entry->type);
	snprintf(partition->uuid, sizeof partition->uuid, "%08x-%02x", reader->disk_id, number);
	return 0;
}

/* Entries 3 and 4 of a link may hold garbage; they count only if they lie inside. */
static bool is_logical(const struct mbr_entry *entry, int i, uint64_t link, uint64_t link_size,
		       const struct mbr_entry *extended)
{
	if (!entry->count || is_extended(entry->type))
		return false;
	return i < 2 || (entry->start + entry->count <= link_size &&
			 link + entry->start + entry->count <= extended->start + extended->count);
}

static int logical_add(struct mbr_reader *reader, const struct mbr_entry *entry, uint64_t link,
		       struct error *err)
{
	if (reader->next_logical >= FIRST_LOGICAL + MBR_MAX_LOGICAL)
		return error_set(err, ERROR_IMAGE, "more than %d logical partitions, or a loop",
				 MBR_MAX_LOGICAL);
	return partition_add(reader, reader->next_logical++, entry, link, err);
}

/* One link of the chain at sector `link`; *ret_next is the next one or NULL. */
static int link_read(struct mbr_reader *reader, const struct mbr_entry *extended, uint64_t link,
		     struct mbr_entry *ret_next, struct error *err)
{
	uint64_t link_size = ret_next->count;
	struct mbr_entry entries[4];
	uint8_t sector[SECTOR_SIZE];

	*ret_next = (struct mbr_entry){0};
	if (block_read(reader->block, sector, sizeof sector, link * SECTOR_SIZE, err) < 0)
		return error_prefix(err, "logical partitions");
	if (!mbr_entries_parse(sector, sizeof sector, entries))
		return 0;
	for (int i = 0; i < 4; i++)
		if (is_logical(&entries[i], i, link, link_size, extended) &&
		    logical_add(reader, &entries[i], link, err) < 0)
			return -1;
	for (int i = 3; i >= 0; i--)
		if (entries[i].count && is_extended(entries[i].type))
			*ret_next = entries[i];
	return 0;
}

static int chain_read(struct mbr_reader *reader, const struct mbr_entry *extended,
		      struct error *err)
{
	struct mbr_entry next = {.count = extended->count};

	while (next.count) {
		if (reader->n_links++ >= MAX_LINKS)
			return error_set(err, ERROR_IMAGE,
					 "the chain of logical partitions is a loop");
		if (link_read(reader, extended, extended->start + next.start, &next, err) < 0)
			return -1;
	}
	return 0;
}

static int entries_read(struct mbr_reader *reader, const uint8_t *sector, struct error *err)
{
	struct mbr_entry entries[4];

	if (!mbr_entries_parse(sector, SECTOR_SIZE, entries))
		return 0;
	for (int i = 0; i < 4; i++)
		if (entries[i].count &&
		    partition_add(reader, (unsigned)i + 1, &entries[i], 0, err) < 0)
			return -1;
	for (int i = 0; i < 4; i++)
		if (entries[i].count && is_extended(entries[i].type) &&
		    chain_read(reader, &entries[i], err) < 0)
			return -1;
	return 0;
}

int mbr_read(struct block *block, const uint8_t *sector, struct partition_table *ret,
	     struct error *err)
{
	struct mbr_reader reader = {.block = block,
				    .disk_id = get32(sector + DISK_ID_OFFSET),
				    .table = {.scheme = PARTITION_SCHEME_MBR},
				    .next_logical = FIRST_LOGICAL};

	if (entries_read(&reader, sector, err) < 0) {
		partition_table_free(&reader.table);
		return -1;
	}
	if (reader.disk_id)
		snprintf(reader.table.id, sizeof reader.table.id, "%08x", reader.disk_id);
	*ret = reader.table;
	return 0;
}
