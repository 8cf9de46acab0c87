/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parsers of partition tables, over bytes, and what they share.  Private to lib/disk. */
#ifndef COLDPATCH_DISK_TABLE_H
#define COLDPATCH_DISK_TABLE_H

#include <stdbool.h>

#include "disk/partition.h"

enum {
	SECTOR_SIZE = 512,
	GPT_MAX_ENTRIES = 1024,
	GPT_MIN_ENTRY_SIZE = 128,
	GPT_MAX_ENTRY_SIZE = 4096,
	MBR_MAX_LOGICAL = 60,
};

/* GPT. */

struct gpt_header {
	uint64_t n_sectors;		    /* of the disk */
	uint64_t first_usable, last_usable; /* sectors */
	uint64_t entries_lba;
	uint32_t n_entries;
	uint32_t entry_size;
	uint32_t entries_crc;
	char disk_guid[40];
};

/* CRC-32 as in Ethernet and zlib; `crc` is the result over the bytes before, or 0. */
uint32_t gpt_crc32(uint32_t crc, const uint8_t *data, size_t len);
bool gpt_has_signature(const uint8_t *sector, size_t len);
/* `sector` is one sector, read at `lba` of a disk of `n_sectors`.  False: damaged. */
bool gpt_header_parse(const uint8_t *sector, size_t len, uint64_t lba, uint64_t n_sectors,
		      struct gpt_header *ret);
/* All entries; false when their checksum or one of them is wrong.  Adds to `ret`. */
bool gpt_entries_parse(const struct gpt_header *header, const uint8_t *buf, size_t len,
		       size_t sector_size, struct partition_table *ret);

/* MBR. */

struct mbr_entry {
	uint8_t type;
	uint64_t start, count; /* sectors; relative to what the table is relative to */
};

enum mbr_kind { MBR_NONE, MBR_TABLE, MBR_PROTECTIVE };
/* What sector 0 is; a file system's boot sector is MBR_NONE. */
enum mbr_kind mbr_kind_of(const uint8_t *sector, size_t len);
/* False without the signature. */
bool mbr_entries_parse(const uint8_t *sector, size_t len, struct mbr_entry ret[static 4]);
/* The whole table; `sector` is sector 0. */
int mbr_read(struct block *block, const uint8_t *sector, struct partition_table *ret,
	     struct error *err);
int gpt_read(struct block *block, struct partition_table *ret, struct error *err);

#endif
