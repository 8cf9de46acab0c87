/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPT (UEFI 2.10, section 5.3) and MBR with logical partitions.  Untrusted input: counts, sizes and
 * the logical chain are bounded. */
#ifndef COLDPATCH_DISK_PARTITION_H
#define COLDPATCH_DISK_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "disk/block.h"

enum partition_scheme { PARTITION_SCHEME_NONE, PARTITION_SCHEME_MBR, PARTITION_SCHEME_GPT };
const char *partition_scheme_name(enum partition_scheme scheme);

struct partition {
	unsigned number; /* as the kernel counts them: 1.., logical ones from 5 */
	uint64_t offset; /* bytes */
	uint64_t size;	 /* bytes */
	char type[40];	 /* GPT: type GUID, lower case; MBR: "0x83" */
	char uuid[40];	 /* PARTUUID as the kernel prints it: GPT: lower case; MBR: "xxxxxxxx-NN" */
	char *label;	 /* PARTLABEL in UTF-8, or NULL */
};

struct partition_table {
	enum partition_scheme scheme;
	char id[40]; /* disk GUID or MBR signature as 8 hex digits, or "" */
	struct partition *partitions;
	size_t n_partitions;
};

/* A disk without a table is scheme NONE and no partitions.  ERROR_IMAGE: a table that is damaged
 * (GPT: both copies). */
int partition_table_read(struct block *block, struct partition_table *ret, struct error *err);
void partition_table_free(struct partition_table *table);

#endif
