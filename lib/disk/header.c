/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The qcow2 header: fixed fields, then (version 3) feature bits, then extensions up to the backing
 * file's name or the end of the first cluster.  All numbers are big-endian.  What is refused here:
 * whatever would make QEMU open another file than the ones we name (external data file), believe
 * bytes that are not settled (dirty, corrupt), or read an image that is not all there.
 */
#include "disk/header.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

enum {
	V2_HEADER_LENGTH = 72,
	V3_HEADER_LENGTH = 104,
	MIN_CLUSTER_BITS = 9,
	MAX_CLUSTER_BITS = 21,
	MAX_REFCOUNT_ORDER = 6,
	MAX_SNAPSHOTS = 65536,
	SNAPSHOT_HEADER = 40,
};
/* QEMU's own limit is the L1 table; this one keeps sums of offsets far from wrapping. */
#define MAX_VIRTUAL_SIZE   ((uint64_t)1 << 56)
#define MAX_REFTABLE_BYTES ((uint64_t)8 << 20)
#define OFFSET_MASK	   UINT64_C(0x00fffffffffffe00)
#define L2_COMPRESSED	   (UINT64_C(1) << 62)
#define L2_ZERO		   UINT64_C(1)

enum {
	INCOMPATIBLE_DIRTY = 1 << 0,
	INCOMPATIBLE_CORRUPT = 1 << 1,
	INCOMPATIBLE_DATA_FILE = 1 << 2,
	INCOMPATIBLE_COMPRESSION = 1 << 3,
	INCOMPATIBLE_EXTENDED_L2 = 1 << 4,
	INCOMPATIBLE_KNOWN = (1 << 5) - 1,
};

enum { EXTENSION_END = 0 };
#define EXTENSION_BACKING_FORMAT UINT32_C(0xe2792aca)

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof value);
	return be16toh(value);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof value);
	return be32toh(value);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return be64toh(value);
}

bool qcow2_has_magic(const uint8_t *buf, size_t len)
{
	return len >= 8 && memcmp(buf, "QFI\xfb", 4) == 0 && get32(buf + 4) >= 2;
}

static uint64_t cluster_size(const struct qcow2_header *header)
{
	return UINT64_C(1) << header->cluster_bits;
}

static int truncated(struct error *err, const char *what)
{
	return error_set(err, ERROR_IMAGE, "truncated: %s lies beyond the end of the file", what);
}

static int table_check(uint64_t offset, uint64_t size, uint64_t file_size, const char *what,
		       struct error *err)
{
	uint64_t end;

	if (offset % 512 != 0)
		return error_set(err, ERROR_IMAGE, "damaged: %s is not aligned", what);
	if (__builtin_add_overflow(offset, size, &end) || end > file_size)
		return truncated(err, what);
	return 0;
}

static int features_check(const uint8_t *buf, uint32_t header_length, struct qcow2_header *header,
			  struct error *err)
{
	uint64_t bits = get64(buf + 72);
	uint8_t compression = header_length > 104 ? buf[104] : 0;

	if (bits & ~(uint64_t)INCOMPATIBLE_KNOWN)
		return error_set(err, ERROR_IMAGE, "unknown incompatible feature bits 0x%" PRIx64,
				 bits & ~(uint64_t)INCOMPATIBLE_KNOWN);
	if (bits & INCOMPATIBLE_DATA_FILE)
		return error_set(err, ERROR_IMAGE,
				 "its data is in an external data file, which is not supported");
	if (bits & INCOMPATIBLE_CORRUPT)
		return error_set(err, ERROR_IMAGE,
				 "marked corrupt; look at it with qemu-img check");
	if (bits & INCOMPATIBLE_DIRTY)
		return error_set(err, ERROR_IMAGE, "was not closed cleanly; run qemu-img check");
	if (compression > 1 || (compression != 0) != !!(bits & INCOMPATIBLE_COMPRESSION))
		return error_set(err, ERROR_IMAGE, "unknown compression type %u", compression);
	header->extended_l2 = bits & INCOMPATIBLE_EXTENDED_L2;
	return 0;
}

static int version_check(const uint8_t *buf, struct qcow2_header *header, uint32_t *ret_length,
			 struct error *err)
{
	*ret_length = V2_HEADER_LENGTH;
	if (header->version == 2)
		return 0;
	*ret_length = get32(buf + 100);
	if (*ret_length < V3_HEADER_LENGTH || *ret_length % 8 != 0 ||
	    *ret_length > cluster_size(header))
		return error_set(err, ERROR_IMAGE, "damaged: header length %u", *ret_length);
	if (get32(buf + 96) > MAX_REFCOUNT_ORDER)
		return error_set(err, ERROR_IMAGE, "damaged: refcount order %u", get32(buf + 96));
	return features_check(buf, *ret_length, header, err);
}

static int backing_name_parse(const uint8_t *buf, size_t len, struct qcow2_header *header,
			      struct error *err)
{
	uint64_t offset = get64(buf + 8);
	uint32_t size = get32(buf + 16);

	if (offset == 0 || size == 0)
		return 0;
	if (size > QCOW2_MAX_BACKING_NAME)
		return error_set(err, ERROR_IMAGE, "damaged: backing file name of %u bytes", size);
	if (offset > cluster_size(header) - size)
		return error_set(err, ERROR_IMAGE,
				 "damaged: backing file name outside the first cluster");
	if (offset > len || size > len - offset)
		return truncated(err, "the backing file name");
	if (memchr(buf + offset, '\0', size))
		return error_set(err, ERROR_IMAGE, "damaged: NUL in the backing file name");
	memcpy(header->backing_name, buf + offset, size);
	return 0;
}

static int backing_format_take(const uint8_t *data, uint32_t size, struct qcow2_header *header,
			       struct error *err)
{
	if (size > QCOW2_MAX_FORMAT_NAME || memchr(data, '\0', size))
		return error_set(err, ERROR_IMAGE, "damaged: backing format name");
	memcpy(header->backing_format, data, size);
	header->backing_format[size] = '\0';
	return 0;
}

static int extensions_parse(const uint8_t *buf, size_t len, uint64_t at,
			    struct qcow2_header *header, struct error *err)
{
	uint64_t end = header->backing_name[0] ? get64(buf + 8) : cluster_size(header);

	if (end > len)
		end = len;
	while (at + 8 <= end) {
		uint32_t type = get32(buf + at), size = get32(buf + at + 4);

		if (type == EXTENSION_END)
			return 0;
		at += 8;
		if (size > end - at)
			return error_set(err, ERROR_IMAGE,
					 "damaged: header extension 0x%x of %u bytes", type, size);
		if (type == EXTENSION_BACKING_FORMAT &&
		    backing_format_take(buf + at, size, header, err) < 0)
			return -1;
		at += ((uint64_t)size + 7) & ~UINT64_C(7);
	}
	return 0;
}

/* Entries of the L1 table that the virtual size needs. */
static uint64_t l1_needed(const struct qcow2_header *header)
{
	unsigned entry_bits = header->extended_l2 ? 4 : 3;
	unsigned bits = 2 * header->cluster_bits - entry_bits;

	return (header->virtual_size + (UINT64_C(1) << bits) - 1) >> bits;
}

static int tables_check(const uint8_t *buf, struct qcow2_header *header, uint64_t file_size,
			struct error *err)
{
	uint64_t refcount_bytes = (uint64_t)get32(buf + 56) << header->cluster_bits;

	header->l1_entries = get32(buf + 36);
	header->l1_offset = get64(buf + 40);
	if (header->virtual_size > MAX_VIRTUAL_SIZE ||
	    (uint64_t)header->l1_entries * 8 > QCOW2_MAX_L1_BYTES)
		return error_set(err, ERROR_IMAGE, "damaged: unreasonably large");
	if (header->l1_entries < l1_needed(header))
		return error_set(err, ERROR_IMAGE,
				 "damaged: the L1 table is too small for the disk");
	if (table_check(header->l1_offset, (uint64_t)header->l1_entries * 8, file_size,
			"the L1 table", err) < 0)
		return -1;
	if (refcount_bytes == 0 || refcount_bytes > MAX_REFTABLE_BYTES)
		return error_set(err, ERROR_IMAGE, "damaged: refcount table of %" PRIu64 " bytes",
				 refcount_bytes);
	return table_check(get64(buf + 48), refcount_bytes, file_size, "the refcount table", err);
}

static int snapshot_fields(const uint8_t *buf, struct qcow2_header *header, uint64_t file_size,
			   struct error *err)
{
	header->n_snapshots = get32(buf + 60);
	header->snapshots_offset = get64(buf + 64);
	if (header->n_snapshots == 0)
		return 0;
	if (header->n_snapshots > MAX_SNAPSHOTS)
		return error_set(err, ERROR_IMAGE, "damaged: %u internal snapshots",
				 header->n_snapshots);
	return table_check(header->snapshots_offset,
			   (uint64_t)header->n_snapshots * SNAPSHOT_HEADER, file_size,
			   "the snapshot table", err);
}

int qcow2_header_parse(const uint8_t *buf, size_t len, uint64_t file_size, struct qcow2_header *ret,
		       struct error *err)
{
	struct qcow2_header header = {0};
	uint32_t header_length, crypt;

	if (!qcow2_has_magic(buf, len))
		return error_set(err, ERROR_IMAGE, "not a qcow2 image");
	header.version = get32(buf + 4);
	if (header.version > 3)
		return error_set(err, ERROR_IMAGE, "qcow2 version %u is not supported",
				 header.version);
	if (len < (header.version == 2 ? V2_HEADER_LENGTH : V3_HEADER_LENGTH + 8))
		return truncated(err, "the header");
	header.cluster_bits = get32(buf + 20);
	if (header.cluster_bits < MIN_CLUSTER_BITS || header.cluster_bits > MAX_CLUSTER_BITS)
		return error_set(err, ERROR_IMAGE, "damaged: cluster size 2^%u",
				 header.cluster_bits);
	header.virtual_size = get64(buf + 24);
	crypt = get32(buf + 32);
	if (crypt != 0)
		return error_set(err, ERROR_IMAGE, "encrypted (method %u), which is not supported",
				 crypt);
	if (version_check(buf, &header, &header_length, err) < 0 ||
	    tables_check(buf, &header, file_size, err) < 0 ||
	    snapshot_fields(buf, &header, file_size, err) < 0 ||
	    backing_name_parse(buf, len, &header, err) < 0 ||
	    extensions_parse(buf, len, header_length, &header, err) < 0)
		return -1;
	*ret = header;
	return 0;
}

uint64_t qcow2_l1_entry(const uint8_t *buf, size_t i)
{
	return get64(buf + 8 * i) & OFFSET_MASK;
}

int qcow2_l1_check(const struct qcow2_header *header, const uint8_t *buf, size_t len,
		   uint64_t file_size, struct error *err)
{
	uint64_t room = file_size >> header->cluster_bits;

	for (size_t i = 0; i < len / 8; i++) {
		uint64_t offset = qcow2_l1_entry(buf, i);

		if (offset % cluster_size(header) != 0)
			return error_set(err, ERROR_IMAGE,
					 "damaged: entry %zu of the L1 table is not aligned", i);
		if (offset && (offset > file_size || cluster_size(header) > file_size - offset))
			return truncated(err, "an L2 table");
		if (offset && room-- == 0)
			return error_set(err, ERROR_IMAGE,
					 "damaged: more L2 tables than the file has room for");
	}
	return 0;
}

/* The host offset of the data that an L2 entry refers to, or 0 when it reads none. */
static uint64_t l2_data_offset(const struct qcow2_header *header, const uint8_t *at)
{
	uint64_t entry = get64(at);

	if (entry & L2_COMPRESSED)
		return entry & ((UINT64_C(1) << (62 - (header->cluster_bits - 8))) - 1);
	if (header->extended_l2)
		return (uint32_t)get64(at + 8) ? entry & OFFSET_MASK : 0;
	return entry & L2_ZERO ? 0 : entry & OFFSET_MASK;
}

/* Only where data starts is looked at: the last cluster of a file may be short. */
int qcow2_l2_check(const struct qcow2_header *header, const uint8_t *buf, size_t len,
		   uint64_t file_size, struct error *err)
{
	size_t entry_size = header->extended_l2 ? 16 : 8;

	for (size_t at = 0; at + entry_size <= len; at += entry_size)
		if (l2_data_offset(header, buf + at) >= file_size)
			return truncated(err, "a data cluster");
	return 0;
}

/* Size of a snapshot's entry in the table, and whether it holds memory. */
static bool snapshot_parse(const uint8_t *buf, size_t len, uint64_t *ret_size, bool *ret_memory)
{
	uint32_t extra;
	uint64_t size;

	if (len < SNAPSHOT_HEADER)
		return false;
	extra = get32(buf + 36);
	size = (uint64_t)SNAPSHOT_HEADER + extra + get16(buf + 12) + get16(buf + 14);
	if (size > len)
		return false;
	*ret_memory = get32(buf + 32) != 0 || (extra >= 8 && get64(buf + SNAPSHOT_HEADER) != 0);
	*ret_size = (size + 7) & ~UINT64_C(7);
	return true;
}

int qcow2_snapshots_check(const struct qcow2_header *header, const uint8_t *buf, size_t len,
			  struct error *err)
{
	for (uint32_t i = 0; i < header->n_snapshots; i++) {
		uint64_t size;
		bool memory;

		if (!snapshot_parse(buf, len, &size, &memory))
			return truncated(err, "the snapshot table");
		if (memory)
			return error_set(err, ERROR_IMAGE,
					 "holds the saved memory state of a running machine "
					 "(internal snapshot %u); start it and shut it down first",
					 i + 1);
		size = size < len ? size : len;
		buf += size;
		len -= size;
	}
	return 0;
}
