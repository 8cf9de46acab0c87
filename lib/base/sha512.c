/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sha512.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"

static int update(EVP_MD_CTX *ctx, int fd, const struct monitor *monitor, struct error *err)
{
	enum { CHUNK = 1 << 18 };
	CLEANUP_FREE char *chunk = xmalloc(CHUNK);
	off_t offset = 0;
	ssize_t n;

	while ((n = pread(fd, chunk, CHUNK, offset)) != 0) {
		if (monitor_check(monitor, err) < 0)
			return -1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_os(err, ERROR_IO, errno, "reading to take a digest");
		EVP_DigestUpdate(ctx, chunk, (size_t)n);
		offset += n;
	}
	return 0;
}

int sha512_of_fd(int fd, const struct monitor *monitor, char hex[static SHA512_HEX_SIZE],
		 struct error *err)
{
	unsigned char bytes[(SHA512_HEX_SIZE - 1) / 2];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int result;

	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha512(), NULL))
		abort();
	result = update(ctx, fd, monitor, err);
	EVP_DigestFinal_ex(ctx, bytes, NULL);
	EVP_MD_CTX_free(ctx);
	if (result < 0)
		return -1;
	for (size_t i = 0; i < sizeof bytes; i++)
		sprintf(hex + 2 * i, "%02x", bytes[i]);
	return 0;
}
