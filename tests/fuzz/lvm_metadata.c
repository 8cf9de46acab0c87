/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for the readers of LVM's labels and maps; seeds are in lvm_metadata/.  An input
 * that begins with "LABELONE" lies over sector 1 of a device, the label and what follows; any other
 * is the text of a map.  Checksums are put right first, or no change would get past them. */
#include <stdlib.h>
#include <string.h>

#include "../unit/lvm_disk.h"
#include "disk/volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lvm_disk fuzz_lvm = {.block = {.ops = &lvm_disk_ops, .size = LVM_DISK}};

static uint32_t fuzz_le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Of a text that does not go on at the start of the area. */
static void fuzz_seal_text(void)
{
	uint8_t *area = fuzz_lvm.bytes + LVM_AREA_OFFSET;
	uint32_t offset = fuzz_le32(area + 40), len = fuzz_le32(area + 48);

	if (offset < LVM_AREA_SIZE && len < LVM_AREA_SIZE - offset)
		lvm_put(area + 56, lvm_crc(area + offset, len), 4);
}

static void fuzz_bytes(const uint8_t *data, size_t size)
{
	memcpy(fuzz_lvm.bytes + 512, data, size < LVM_DISK - 512 ? size : LVM_DISK - 512);
	fuzz_seal_text();
	lvm_seal_label(&fuzz_lvm);
	lvm_seal_area(&fuzz_lvm);
}

static void fuzz_text(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = NULL;

	if (size > LVM_AREA_SIZE - LVM_SECTOR - 1)
		return;
	text = xstrndup((const char *)data, size);
	lvm_put_label(&fuzz_lvm, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	lvm_put_text(&fuzz_lvm, text, LVM_AREA_SIZE - 100);
}

static void fuzz_check(const struct volume *volume)
{
	uint64_t sum = 0;

	if (volume->n_members == 0 || volume->n_nodes == 0)
		abort();
	for (size_t i = 0; i < volume->n_segments; i++) {
		const struct volume_segment *segment = &volume->segments[i];

		if (segment->member != 0 || segment->offset > LVM_DISK ||
		    segment->size > LVM_DISK - segment->offset)
			abort();
		sum += segment->size;
	}
	if (volume->why_not_read ? volume->n_segments != 0 : sum != volume->size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct volume_member member = {&fuzz_lvm.block, "disk"};
	struct volume_set set = {0};
	struct error err;

	memset(fuzz_lvm.bytes, 0, 2 << 20);
	if (size >= 8 && memcmp(data, "LABELONE", 8) == 0)
		fuzz_bytes(data, size);
	else
		fuzz_text(data, size);
	if (volumes_find(&member, 1, &set, &err) < 0)
		return 0;
	for (size_t i = 0; i < set.n_volumes; i++)
		fuzz_check(&set.volumes[i]);
	volume_set_free(&set);
	return 0;
}
