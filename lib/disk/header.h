/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the first bytes of an image file say, read by a parser of our own before QEMU sees any of
 * them (docs/interop/qcow2.txt of QEMU is the format).  Every function takes bytes that nobody
 * vouches for.  Private to lib/disk.
 */
#ifndef COLDPATCH_DISK_HEADER_H
#define COLDPATCH_DISK_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
	QCOW2_MAX_BACKING_NAME = 1023,
	QCOW2_MAX_FORMAT_NAME = 31,
	QCOW2_MAX_CLUSTER_SIZE = 2 << 20,
};
#define QCOW2_MAX_L1_BYTES	 ((uint64_t)32 << 20)
#define QCOW2_MAX_SNAPSHOT_BYTES ((uint64_t)16 << 20)

struct qcow2_header {
	uint32_t version; /* 2 or 3 */
	uint32_t cluster_bits;
	uint64_t virtual_size;
	uint64_t l1_offset;
	uint32_t l1_entries;
	uint64_t snapshots_offset;
	uint32_t n_snapshots;
	bool extended_l2;
	char backing_name[QCOW2_MAX_BACKING_NAME + 1];	/* "" when there is none */
	char backing_format[QCOW2_MAX_FORMAT_NAME + 1]; /* "" when it is not said */
};

bool qcow2_has_magic(const uint8_t *buf, size_t len);
/* `buf` is the start of the file, of `file_size` bytes: its first QCOW2_MAX_CLUSTER_SIZE bytes or
 * all.  ERROR_IMAGE for whatever cannot be used: another version, encrypted, unsafe features,
 * tables that lie outside the file. */
int qcow2_header_parse(const uint8_t *buf, size_t len, uint64_t file_size, struct qcow2_header *ret,
		       struct error *err);

/* One table of 8-byte entries.  Each must point into the file. */
int qcow2_l1_check(const struct qcow2_header *header, const uint8_t *buf, size_t len,
		   uint64_t file_size, struct error *err);
int qcow2_l2_check(const struct qcow2_header *header, const uint8_t *buf, size_t len,
		   uint64_t file_size, struct error *err);
/* The offset of the L2 table that entry `i` of the L1 table names, or 0. */
uint64_t qcow2_l1_entry(const uint8_t *buf, size_t i);

/* The snapshot table, or its first QCOW2_MAX_SNAPSHOT_BYTES.  A snapshot that holds the memory of a
 * running machine is refused. */
int qcow2_snapshots_check(const struct qcow2_header *header, const uint8_t *buf, size_t len,
			  struct error *err);

/* The name of a format that is not supported, by the first bytes and the last 512 of a file, or
 * NULL. */
const char *foreign_format_name(const uint8_t *head, size_t head_len, const uint8_t *tail,
				size_t tail_len);
/* Whether the start of a raw file looks like a disk: a partition table or a known file system. */
bool raw_looks_like_disk(const uint8_t *head, size_t len);

#endif
