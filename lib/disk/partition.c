/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/partition.h"

#include "base/memory.h"
#include "disk/table.h"

const char *partition_scheme_name(enum partition_scheme scheme)
{
	switch (scheme) {
	case PARTITION_SCHEME_NONE:
		return "none";
	case PARTITION_SCHEME_MBR:
		return "mbr";
	case PARTITION_SCHEME_GPT:
		return "gpt";
	}
	return "none";
}

void partition_table_free(struct partition_table *table)
{
	for (size_t i = 0; i < table->n_partitions; i++)
		free(table->partitions[i].label);
	free(table->partitions);
	*table = (struct partition_table){0};
}

int partition_table_read(struct block *block, struct partition_table *ret, struct error *err)
{
	uint8_t sector[SECTOR_SIZE];

	if (block_size(block) < SECTOR_SIZE) {
		*ret = (struct partition_table){0};
		return 0;
	}
	if (block_read(block, sector, sizeof sector, 0, err) < 0)
		return error_prefix(err, "partition table");
	switch (mbr_kind_of(sector, sizeof sector)) {
	case MBR_NONE:
		*ret = (struct partition_table){0};
		return 0;
	case MBR_TABLE:
		return mbr_read(block, sector, ret, err);
	case MBR_PROTECTIVE:
		return gpt_read(block, ret, err);
	}
	return 0;
}
