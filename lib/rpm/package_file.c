/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A package file, as "RPM V4 Package format" says:
 *
 *     lead       96 bytes; a magic number, and nothing that anybody uses
 *     signature  a header, filled up to 8 bytes
 *     header     a header
 *     payload    cpio, compressed
 *
 * Each header begins with 8 bytes of magic; then 4 number of entries, 4 length of data; 16 bytes an
 * entry; the data.  Numbers are big endian.
 */
#include "rpm/package_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"

enum {
	LEAD_SIZE = 96,
	MAGIC_SIZE = 8,
	INTRO_SIZE = 8,
	ENTRY_SIZE = 16,
	MAX_ENTRIES = 1 << 20,
	MAX_DATA = 256 << 20
};

static const uint8_t lead_magic[] = {0xed, 0xab, 0xee, 0xdb};
static const uint8_t header_magic[MAGIC_SIZE] = {0x8e, 0xad, 0xe8, 0x01};

static int read_exactly(int fd, const char *path, void *buf, size_t len, off_t offset,
			struct error *err)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (char *)buf + done, len - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_os(err, ERROR_IO, errno, "%s", path);
		if (n == 0)
			return error_set(err, ERROR_MIRROR, "%s: the package is cut short", path);
		done += (size_t)n;
	}
	return 0;
}

/* The bytes of a header from its number of entries on. */
static int measure(int fd, const char *path, off_t offset, size_t *ret, struct error *err)
{
	uint8_t intro[MAGIC_SIZE + INTRO_SIZE];
	uint32_t entries, data;

	if (read_exactly(fd, path, intro, sizeof intro, offset, err) < 0)
		return -1;
	memcpy(&entries, intro + MAGIC_SIZE, sizeof entries);
	memcpy(&data, intro + MAGIC_SIZE + 4, sizeof data);
	entries = be32toh(entries);
	data = be32toh(data);
	if (memcmp(intro, header_magic, sizeof header_magic) != 0 || entries > MAX_ENTRIES ||
	    data > MAX_DATA)
		return error_set(err, ERROR_MIRROR, "%s: the package has a damaged header", path);
	*ret = INTRO_SIZE + (size_t)entries * ENTRY_SIZE + data;
	return 0;
}

static struct rpm_header *read_header(int fd, const char *path, off_t offset, struct error *err)
{
	CLEANUP_BUFFER struct buffer blob = {0};
	struct rpm_header *header;
	size_t len;

	if (measure(fd, path, offset, &len, err) < 0 ||
	    read_exactly(fd, path, buffer_reserve(&blob, len), len, offset + MAGIC_SIZE, err) < 0)
		return NULL;
	header = rpm_header_import(blob.data, len, err);
	if (header)
		return header;
	err->kind = ERROR_MIRROR;
	return error_prefix(err, "%s", path), NULL;
}

struct rpm_header *rpm_package_file_header(const char *path, struct error *err)
{
	/* The path is one of /proc where a descriptor was opened before: a link. */
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	uint8_t lead[LEAD_SIZE];
	size_t signature;

	if (fd < 0)
		return error_os(err, ERROR_MIRROR, errno, "open %s", path), NULL;
	if (read_exactly(fd, path, lead, sizeof lead, 0, err) < 0)
		return NULL;
	if (memcmp(lead, lead_magic, sizeof lead_magic) != 0)
		return error_set(err, ERROR_MIRROR, "%s: not an rpm package", path), NULL;
	if (measure(fd, path, LEAD_SIZE, &signature, err) < 0)
		return NULL;
	signature = (MAGIC_SIZE + signature + 7) & ~(size_t)7;
	return read_header(fd, path, LEAD_SIZE + (off_t)signature, err);
}
