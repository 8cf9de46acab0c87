/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for the qcow2 parsers; seeds are in qcow2_header/.  The input is a whole file,
 * whose size its first byte of the last eight may enlarge. */
#include <stdlib.h>
#include <string.h>

#include "disk/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tables(const struct qcow2_header *header, const uint8_t *data, size_t size,
		   uint64_t file_size)
{
	size_t l1 = header->l1_offset < size ? (size_t)header->l1_offset : size;
	size_t snapshots =
		header->snapshots_offset < size ? (size_t)header->snapshots_offset : size;
	struct error err;

	qcow2_l1_check(header, data + l1, size - l1, file_size, &err);
	qcow2_l2_check(header, data + l1, size - l1, file_size, &err);
	qcow2_snapshots_check(header, data + snapshots, size - snapshots, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t file_size = size + (size > 8 ? (uint64_t)data[size - 8] << 20 : 0);
	struct qcow2_header header;
	struct error err;

	foreign_format_name(data, size, data, size < 512 ? size : 512);
	raw_looks_like_disk(data, size);
	if (qcow2_header_parse(data, size, file_size, &header, &err) < 0)
		return 0;
	if (strlen(header.backing_name) > QCOW2_MAX_BACKING_NAME ||
	    header.l1_offset + 8 * (uint64_t)header.l1_entries > file_size)
		abort();
	tables(&header, data, size, file_size);
	return 0;
}
