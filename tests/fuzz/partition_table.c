/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for the readers of partition tables; seeds are in partition_table/.  The input is
 * the start of a disk of 1 MiB.  Checksums are put right first, or no change would get past them.
 */
#include <stdlib.h>
#include <string.h>

#include "disk/block_impl.h"
#include "disk/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_DISK = 1 << 20 };
static uint8_t fuzz_disk[FUZZ_DISK];

static int fuzz_read(struct block *block, void *buf, size_t len, uint64_t offset, struct error *err)
{
	(void)block;
	(void)err;
	memcpy(buf, fuzz_disk + offset, len);
	return 0;
}

static void put_crc(size_t at, size_t from, size_t len)
{
	uint32_t crc = gpt_crc32(0, fuzz_disk + from, len);

	for (int i = 0; i < 4; i++)
		fuzz_disk[at + (size_t)i] = (uint8_t)(crc >> 8 * i);
}

static void mend_checksums(void)
{
	struct gpt_header header;
	uint64_t len, at;

	memset(fuzz_disk + 512 + 16, 0, 4);
	put_crc(512 + 16, 512, 92);
	if (!gpt_header_parse(fuzz_disk + 512, 512, 1, FUZZ_DISK / 512, &header))
		return;
	len = (uint64_t)header.n_entries * header.entry_size;
	at = header.entries_lba * 512;
	if (len > FUZZ_DISK - at)
		return;
	put_crc(512 + 88, at, len);
	memset(fuzz_disk + 512 + 16, 0, 4);
	put_crc(512 + 16, 512, 92);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct block_ops ops = {.read = fuzz_read};
	struct block block = {.ops = &ops, .size = FUZZ_DISK};
	struct partition_table table;
	struct error err;

	memset(fuzz_disk, 0, sizeof fuzz_disk);
	memcpy(fuzz_disk, data, size < FUZZ_DISK ? size : FUZZ_DISK);
	mend_checksums();
	if (partition_table_read(&block, &table, &err) < 0)
		return 0;
	for (size_t i = 0; i < table.n_partitions; i++)
		if (table.partitions[i].offset > FUZZ_DISK ||
		    table.partitions[i].size > FUZZ_DISK - table.partitions[i].offset)
			abort();
	partition_table_free(&table);
	return 0;
}
