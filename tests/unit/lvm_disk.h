/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of LVM: a block device in memory, and what LVM would write to it. */
#ifndef TESTS_UNIT_LVM_DISK_H
#define TESTS_UNIT_LVM_DISK_H

#include <stdlib.h>
#include <string.h>

#include "disk/block_impl.h"
#include "disk/lvm.h"

enum { LVM_DISK = 8 << 20, LVM_AREA_OFFSET = 4096, LVM_AREA_SIZE = (1 << 20) - 4096 };

struct lvm_disk {
	struct block block; /* first */
	uint8_t bytes[LVM_DISK];
};

static int lvm_disk_read(struct block *block, void *buf, size_t len, uint64_t offset,
			 struct error *err)
{
	(void)err;
	memcpy(buf, ((struct lvm_disk *)block)->bytes + offset, len);
	return 0;
}

static void lvm_disk_free(struct block *block)
{
	free(block);
}

static const struct block_ops lvm_disk_ops = {.read = lvm_disk_read, .free = lvm_disk_free};

static inline struct lvm_disk *lvm_disk_new(void)
{
	struct lvm_disk *disk = xcalloc(1, sizeof *disk);

	disk->block = (struct block){.ops = &lvm_disk_ops, .size = LVM_DISK};
	return disk;
}

static inline void lvm_put(uint8_t *at, uint64_t value, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static inline void lvm_seal_label(struct lvm_disk *disk)
{
	lvm_put(disk->bytes + 512 + 16, lvm_crc(disk->bytes + 512 + 20, 492), 4);
}

static inline void lvm_seal_area(struct lvm_disk *disk)
{
	lvm_put(disk->bytes + LVM_AREA_OFFSET, lvm_crc(disk->bytes + LVM_AREA_OFFSET + 4, 508), 4);
}

/* `uuid` has no dashes. */
static inline void lvm_put_label(struct lvm_disk *disk, const char *uuid)
{
	uint8_t *sector = disk->bytes + 512;

	memcpy(sector, "LABELONE", 8);
	lvm_put(sector + 8, 1, 8);
	lvm_put(sector + 20, 32, 4);
	memcpy(sector + 24, "LVM2 001", 8);
	memcpy(sector + 32, uuid, 32);
	lvm_put(sector + 64, LVM_DISK, 8);
	lvm_put(sector + 72, 1 << 20, 8);
	lvm_put(sector + 104, LVM_AREA_OFFSET, 8);
	lvm_put(sector + 112, LVM_AREA_SIZE, 8);
	lvm_seal_label(disk);
}

/* The text begins at `offset` of the area, and goes on behind its header where it does not fit. */
static inline void lvm_put_text(struct lvm_disk *disk, const char *text, uint64_t offset)
{
	uint8_t *area = disk->bytes + LVM_AREA_OFFSET;
	size_t len = strlen(text) + 1;

	memcpy(area + 4, " LVM2 x[5A%r0N*>", 16);
	lvm_put(area + 20, 1, 4);
	lvm_put(area + 24, LVM_AREA_OFFSET, 8);
	lvm_put(area + 32, LVM_AREA_SIZE, 8);
	lvm_put(area + 40, offset, 8);
	lvm_put(area + 48, len, 8);
	lvm_put(area + 56, lvm_crc((const uint8_t *)text, len), 4);
	for (size_t i = 0; i < len; i++) {
		uint64_t at = offset + i;

		area[at < LVM_AREA_SIZE ? at : at - LVM_AREA_SIZE + LVM_SECTOR] = (uint8_t)text[i];
	}
	lvm_seal_area(disk);
}

#endif
