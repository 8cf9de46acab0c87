/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/checksum.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

static const struct {
	const char *name;
	size_t hex_len;
	const EVP_MD *(*evp)(void);
} types[] = {
	[CHECKSUM_SHA256] = {"sha256", 64, EVP_sha256},
	[CHECKSUM_SHA384] = {"sha384", 96, EVP_sha384},
	[CHECKSUM_SHA512] = {"sha512", 128, EVP_sha512},
};

struct checksum_context {
	enum checksum_type type;
	EVP_MD_CTX *evp;
};

bool checksum_parse(const char *type, const char *hex, struct checksum *ret)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (strcasecmp(types[i].name, type) != 0)
			continue;
		if (strlen(hex) != types[i].hex_len ||
		    strspn(hex, "0123456789abcdefABCDEF") != types[i].hex_len)
			return false;
		ret->type = (enum checksum_type)i;
		for (size_t k = 0; k <= types[i].hex_len; k++)
			ret->hex[k] = (char)tolower((unsigned char)hex[k]);
		return true;
	}
	return false;
}

bool checksum_from_text(const char *text, struct checksum *ret)
{
	const char *colon = strchr(text, ':');
	CLEANUP_FREE char *type = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;

	return type && checksum_parse(type, colon + 1, ret);
}

char *checksum_to_text(const struct checksum *checksum)
{
	return xasprintf("%s:%s", types[checksum->type].name, checksum->hex);
}

bool checksum_equal(const struct checksum *a, const struct checksum *b)
{
	return a->type == b->type && strcmp(a->hex, b->hex) == 0;
}

const char *checksum_type_name(enum checksum_type type)
{
	return types[type].name;
}

static void require(int ok)
{
	if (!ok)
		abort();
}

struct checksum_context *checksum_new(enum checksum_type type)
{
	struct checksum_context *ctx = xcalloc(1, sizeof *ctx);

	ctx->type = type;
	ctx->evp = EVP_MD_CTX_new();
	require(ctx->evp && EVP_DigestInit_ex(ctx->evp, types[type].evp(), NULL));
	return ctx;
}

void checksum_update(struct checksum_context *ctx, const void *data, size_t len)
{
	require(EVP_DigestUpdate(ctx->evp, data, len));
}

void checksum_finish(struct checksum_context *ctx, struct checksum *ret)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	require(EVP_DigestFinal_ex(ctx->evp, bytes, &len));
	ret->type = ctx->type;
	for (unsigned i = 0; i < len; i++)
		snprintf(ret->hex + (size_t)2 * i, 3, "%02x", bytes[i]);
	checksum_free(ctx);
}

void checksum_free(struct checksum_context *ctx)
{
	if (!ctx)
		return;
	EVP_MD_CTX_free(ctx->evp);
	free(ctx);
}

void checksum_of(const void *data, size_t len, enum checksum_type type, struct checksum *ret)
{
	struct checksum_context *ctx = checksum_new(type);

	checksum_update(ctx, data, len);
	checksum_finish(ctx, ret);
}

static void update(void *ctx, const void *data, size_t len)
{
	checksum_update(ctx, data, len);
}

int checksum_of_fd(int fd, enum checksum_type type, const struct monitor *monitor,
		   struct checksum *ret, struct error *err)
{
	CLEANUP(checksum_free)
	struct checksum_context *ctx = checksum_new(type);

	if (file_read_pieces(fd, monitor, update, ctx, err) < 0)
		return -1;
	checksum_finish(steal(ctx), ret);
	return 0;
}
