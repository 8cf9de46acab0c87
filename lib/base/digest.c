/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/digest.h"

#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

struct digest_context {
	EVP_MD_CTX *evp;
};

static void require(int ok)
{
	if (!ok)
		abort();
}

struct digest_context *digest_new(void)
{
	struct digest_context *ctx = xcalloc(1, sizeof *ctx);

	ctx->evp = EVP_MD_CTX_new();
	require(ctx->evp && EVP_DigestInit_ex(ctx->evp, EVP_sha256(), NULL));
	return ctx;
}

void digest_update(struct digest_context *ctx, const void *data, size_t len)
{
	require(EVP_DigestUpdate(ctx->evp, data, len));
}

void digest_finish(struct digest_context *ctx, struct digest *ret)
{
	require(EVP_DigestFinal_ex(ctx->evp, ret->bytes, NULL));
	digest_free(ctx);
}

void digest_free(struct digest_context *ctx)
{
	if (!ctx)
		return;
	EVP_MD_CTX_free(ctx->evp);
	free(ctx);
}

void digest_of(const void *data, size_t len, struct digest *ret)
{
	require(EVP_Digest(data, len, ret->bytes, NULL, EVP_sha256(), NULL));
}

static void update(void *ctx, const void *data, size_t len)
{
	digest_update(ctx, data, len);
}

int digest_of_fd_monitored(int fd, const struct monitor *monitor, struct digest *ret,
			   struct error *err)
{
	CLEANUP(digest_free)
	struct digest_context *ctx = digest_new();

	if (file_read_pieces(fd, monitor, update, ctx, err) < 0)
		return -1;
	digest_finish(steal(ctx), ret);
	return 0;
}

int digest_of_fd(int fd, struct digest *ret, struct error *err)
{
	return digest_of_fd_monitored(fd, NULL, ret, err);
}

int digest_of_file_monitored(const char *path, const struct monitor *monitor, struct digest *ret,
			     struct error *err)
{
	CLEANUP_CLOSE int fd = file_open(path, "a file", ERROR_IO, err);

	if (fd < 0)
		return -1;
	if (digest_of_fd_monitored(fd, monitor, ret, err) < 0)
		return error_prefix(err, "%s", path);
	return 0;
}

int digest_of_file(const char *path, struct digest *ret, struct error *err)
{
	return digest_of_file_monitored(path, NULL, ret, err);
}

void digest_to_hex(const struct digest *digest, char hex[static DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		hex[2 * i] = digits[digest->bytes[i] >> 4];
		hex[2 * i + 1] = digits[digest->bytes[i] & 15];
	}
	hex[2 * DIGEST_SIZE] = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool digest_from_hex(const char *hex, struct digest *ret)
{
	struct digest digest;

	if (strlen(hex) != 2 * DIGEST_SIZE)
		return false;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		digest.bytes[i] = high << 4 | low;
	}
	*ret = digest;
	return true;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}
