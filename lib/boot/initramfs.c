/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/initramfs.h"

#include <string.h>

#include "base/decompress.h"
#include "boot/cpio.h"

/* Of one that is unpacked. */
static const size_t size_limit = (size_t)1 << 30;

/* The kernel's own list: init/initramfs.c for cpio, lib/decompress.c for the others. */
static const struct magic {
	size_t len;
	const char *bytes;
	bool read; /* is it read here? */
	enum compression compression;
} magics[] = {
	{6, "070701", true, COMPRESSION_NONE},		  /* cpio newc */
	{6, "070702", true, COMPRESSION_NONE},		  /* cpio newc with checksums */
	{2, "\x1f\x8b", true, COMPRESSION_GZIP},	  /* gzip */
	{3, "BZh", true, COMPRESSION_BZIP2},		  /* bzip2 */
	{3, "\x5d\x00\x00", false, COMPRESSION_NONE},	  /* lzma */
	{6, "\xfd\x37zXZ\x00", true, COMPRESSION_XZ},	  /* xz */
	{4, "\x89LZO", false, COMPRESSION_NONE},	  /* lzop */
	{4, "\x02\x21\x4c\x18", false, COMPRESSION_NONE}, /* lz4, legacy frame */
	{4, "\x28\xb5\x2f\xfd", true, COMPRESSION_ZSTD},  /* zstd */
};

static const struct magic *find_magic(const char *buf, size_t len)
{
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (len >= magics[i].len && memcmp(buf, magics[i].bytes, magics[i].len) == 0)
			return &magics[i];
	return NULL;
}

bool initramfs_is_plausible(const char *buf, size_t len)
{
	return find_magic(buf, len) != NULL;
}

/* Ends the unpacking with the archive: what may follow it is nobody's. */
static int feed(void *opaque, const char *piece, size_t len, struct error *err)
{
	struct cpio *cpio = opaque;

	if (cpio_feed(cpio, piece, len, err) < 0)
		return -1;
	return cpio->ended ? error_set(err, ERROR_GUEST, "the archive has ended") : 0;
}

static int read_archive(struct cpio *cpio, const char *buf, size_t len,
			enum compression compression, struct error *err)
{
	struct error why = {0};
	int status = compression == COMPRESSION_NONE
			     ? cpio_feed(cpio, buf, len, &why)
			     : decompress_each(buf, len, compression, size_limit, ERROR_GUEST, feed,
					       cpio, &why);

	if (cpio->ended)
		return 0;
	if (status == 0)
		return error_set(err, ERROR_GUEST, "ends in the middle");
	*err = why;
	return -1;
}

int initramfs_each_name(const char *buf, size_t len,
			void (*each)(void *opaque, const char *name, uint64_t size), void *opaque,
			struct error *err)
{
	const char *end = buf + len;

	while (buf < end) {
		CLEANUP_CPIO struct cpio cpio = {.each = each, .opaque = opaque};
		const struct magic *magic;

		if (*buf == '\0') { /* between two of them */
			buf++;
			continue;
		}
		magic = find_magic(buf, (size_t)(end - buf));
		if (!magic)
			return error_set(err, ERROR_GUEST,
					 "holds something that is no archive of the kernel's");
		if (!magic->read)
			return 0;
		if (read_archive(&cpio, buf, (size_t)(end - buf), magic->compression, err) < 0)
			return -1;
		if (magic->compression != COMPRESSION_NONE)
			return 1;
		buf += cpio.taken;
	}
	return 1;
}
