/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first 32 bytes of a qcow2 header are the same in all versions: magic, version, offset and
 * size of the backing file's name, cluster bits, virtual size; numbers are big-endian. */
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

/* Less than `len` only at the end of the file. */
static ssize_t read_at(int fd, void *to, size_t len, uint64_t offset)
{
	ssize_t n;

	do
		n = pread(fd, to, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n;
}

int image_backing_read(int fd, struct image_backing *ret, struct error *err)
{
	struct start start;
	ssize_t n = read_at(fd, &start, sizeof start, 0);
	size_t len;
	char name[QCOW2_MAX_BACKING_NAME + 1] = "";

	*ret = (struct image_backing){0};
	if (n < 0)
		return error_os(err, ERROR_IO, errno, "reading a header");
	if (n < (ssize_t)sizeof start.magic ||
	    !qcow2_has_magic((const uint8_t *)&start, sizeof start))
		return 0;
	if (n < (ssize_t)sizeof start)
		return error_set(err, ERROR_IMAGE, "its header is cut off");
	ret->qcow2 = true;
	ret->virtual_size = be64toh(start.virtual_size);
	if (!start.backing_offset || !start.backing_size)
		return 0;
	len = be32toh(start.backing_size);
	if (len > QCOW2_MAX_BACKING_NAME ||
	    be64toh(start.backing_offset) > QCOW2_MAX_CLUSTER_SIZE ||
	    read_at(fd, name, len, be64toh(start.backing_offset)) != (ssize_t)len)
		return error_set(err, ERROR_IMAGE,
				 "its header names a backing file that cannot be read");
	ret->name = xstrdup(name);
	return 0;
}

void image_backing_free(struct image_backing *backing)
{
	free(backing->name);
	*backing = (struct image_backing){0};
}
