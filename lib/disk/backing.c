/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first 72 bytes of a qcow2 header are the same in versions 2 and 3: magic, version, offset and
 * size of the backing file's name, cluster bits, virtual size, then encryption, the first table and
 * the number of snapshots; numbers are big-endian.  Version 1 (qcow) begins with the same, up to
 * the name's size.  QED (docs/interop/qed_spec.txt of QEMU) has them at 56 and 60, little-endian.
 * These are the formats of QEMU whose backing file may be of any format.
 *
 * Version 3 may keep its data in a raw file beside it: a bit of the incompatible features, and the
 * name in one of the extensions that follow the header.
 */
#include "disk/backing.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "disk/header.h"

struct start {
	uint32_t magic, version;
	uint64_t backing_offset;
	uint32_t backing_size, cluster_bits;
	uint64_t virtual_size;
};

/* What follows. */
struct rest {
	uint32_t encryption, table_size;
	uint64_t table_offset, refcounts_offset;
	uint32_t n_refcounts, n_snapshots;
};

enum {
	MAX_TABLE = 32 << 20, /* bytes, QEMU's limit */
	QED_BACKING = 56,
	FEATURES = 72,
	HEADER_LENGTH = 100,
	DATA_FILE = 1 << 2,		  /* of the incompatible features */
	DATA_FILE_EXTENSION = 0x44415441, /* "DATA" */
	MAX_EXTENSIONS = 64,
};

struct extension {
	uint32_t type, len; /* of its data, which is padded to 8 bytes */
};

/* Less than `len` only at the end of the file. */
static ssize_t read_at(int fd, void *to, size_t len, uint64_t offset)
{
	ssize_t n;

	do
		n = pread(fd, to, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n;
}

static int read_name(int fd, uint64_t offset, size_t len, char **ret, struct error *err)
{
	char name[QCOW2_MAX_BACKING_NAME + 1] = "";

	if (!offset || !len)
		return 0;
	if (len > QCOW2_MAX_BACKING_NAME || offset > QCOW2_MAX_CLUSTER_SIZE ||
	    read_at(fd, name, len, offset) != (ssize_t)len)
		return error_set(err, ERROR_IMAGE,
				 "its header names a backing file that cannot be read");
	*ret = xstrdup(name);
	return 0;
}

static int cut_off(struct error *err)
{
	return error_set(err, ERROR_IMAGE, "its header is cut off");
}

static int read_qed(int fd, struct image_backing *ret, struct error *err)
{
	uint32_t place[2]; /* offset and size */

	if (read_at(fd, place, sizeof place, QED_BACKING) != (ssize_t)sizeof place)
		return cut_off(err);
	return read_name(fd, le32toh(place[0]), le32toh(place[1]), &ret->name, err);
}

static int find_data_name(int fd, uint64_t offset, struct image_backing *ret, struct error *err)
{
	struct extension extension;

	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		if (read_at(fd, &extension, sizeof extension, offset) != (ssize_t)sizeof extension)
			return cut_off(err);
		offset += sizeof extension;
		if (be32toh(extension.type) == DATA_FILE_EXTENSION)
			return read_name(fd, offset, be32toh(extension.len), &ret->data_name, err);
		if (!extension.type)
			break;
		offset += ((uint64_t)be32toh(extension.len) + 7) & ~UINT64_C(7);
	}
	return error_set(err, ERROR_IMAGE, "its data lies in another file, which it does not name");
}

static int read_data_name(int fd, struct image_backing *ret, struct error *err)
{
	uint64_t features;
	uint32_t header_length;

	if (read_at(fd, &features, sizeof features, FEATURES) != (ssize_t)sizeof features ||
	    !(be64toh(features) & DATA_FILE))
		return 0;
	if (read_at(fd, &header_length, sizeof header_length, HEADER_LENGTH) !=
	    (ssize_t)sizeof header_length)
		return cut_off(err);
	return find_data_name(fd, be32toh(header_length), ret, err);
}

static int read_qcow(int fd, const struct start *start, struct image_backing *ret,
		     struct error *err)
{
	uint32_t version = be32toh(start->version);

	ret->qcow2 = version >= 2;
	ret->virtual_size = ret->qcow2 ? be64toh(start->virtual_size) : 0;
	if (read_name(fd, be64toh(start->backing_offset), be32toh(start->backing_size), &ret->name,
		      err) < 0)
		return -1;
	return version >= 3 ? read_data_name(fd, ret, err) : 0;
}

int image_backing_read(int fd, struct image_backing *ret, struct error *err)
{
	struct start start;
	ssize_t n = read_at(fd, &start, sizeof start, 0);

	*ret = (struct image_backing){0};
	if (n < 0)
		return error_os(err, ERROR_IO, errno, "reading a header");
	if (n < (ssize_t)sizeof start.magic)
		return 0;
	if (memcmp(&start.magic, "QED", sizeof start.magic) == 0)
		return read_qed(fd, ret, err);
	if (memcmp(&start.magic, "QFI\xfb", sizeof start.magic) != 0)
		return 0;
	if (n < (ssize_t)sizeof start)
		return cut_off(err);
	return read_qcow(fd, &start, ret, err);
}

/* A cluster of its own, data or zeros, would have an entry in the first table. */
static bool is_zero(int fd, uint64_t offset, size_t len)
{
	CLEANUP_FREE char *bytes = xmalloc(len + 1);

	bytes[len] = 0;
	return read_at(fd, bytes, len, offset) == (ssize_t)len &&
	       (len == 0 || (bytes[0] == 0 && !memcmp(bytes, bytes + 1, len - 1)));
}

bool image_is_empty_overlay(int fd)
{
	CLEANUP_BACKING struct image_backing backing = {0};
	struct error ignored;
	struct rest rest;
	size_t len;

	if (image_backing_read(fd, &backing, &ignored) < 0 || !backing.name ||
	    read_at(fd, &rest, sizeof rest, sizeof(struct start)) != (ssize_t)sizeof rest)
		return false;
	len = (size_t)be32toh(rest.table_size) * sizeof(uint64_t);
	return !rest.n_snapshots && len <= MAX_TABLE &&
	       is_zero(fd, be64toh(rest.table_offset), len);
}

void image_backing_free(struct image_backing *backing)
{
	free(backing->name);
	free(backing->data_name);
	*backing = (struct image_backing){0};
}
