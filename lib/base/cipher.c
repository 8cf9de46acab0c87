/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sector's initial vector is its number, or with ESSIV its number encrypted by the hash of the
 * key: Documentation/admin-guide/device-mapper/dm-crypt.rst of Linux. */
#include "base/cipher.h"

#include <openssl/evp.h>
#include <string.h>

enum { IV_SIZE = 16, UNIT = 512, MAX_HASH = 64 };

struct cipher {
	EVP_CIPHER_CTX *encrypt, *decrypt;
	EVP_CIPHER_CTX *essiv; /* NULL: plain */
	unsigned sector_size;
	bool plain32; /* only 32 bits of the number count */
};

static void require(int ok)
{
	if (!ok)
		abort();
}

static const EVP_CIPHER *find_cipher(bool xts, size_t key_size)
{
	switch (key_size) {
	case 16:
		return xts ? NULL : EVP_aes_128_cbc();
	case 24:
		return xts ? NULL : EVP_aes_192_cbc();
	case 32:
		return xts ? EVP_aes_128_xts() : EVP_aes_256_cbc();
	case 64:
		return xts ? EVP_aes_256_xts() : NULL;
	default:
		return NULL;
	}
}

static EVP_CIPHER_CTX *context_new(const EVP_CIPHER *type, const uint8_t *key, bool encrypt)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	require(context && EVP_CipherInit_ex(context, type, NULL, key, NULL, encrypt) &&
		EVP_CIPHER_CTX_set_padding(context, 0));
	return context;
}

static EVP_CIPHER_CTX *essiv_new(const uint8_t *key, size_t key_size)
{
	uint8_t hashed[EVP_MAX_MD_SIZE];
	EVP_CIPHER_CTX *context;

	require(EVP_Digest(key, key_size, hashed, NULL, EVP_sha256(), NULL));
	context = context_new(EVP_aes_256_ecb(), hashed, true);
	explicit_bzero(hashed, sizeof hashed);
	return context;
}

/* What follows "aes-". */
static const struct mode {
	const char *name;
	bool xts, essiv, plain32;
} modes[] = {
	{.name = "xts-plain64", .xts = true},
	{.name = "xts-plain", .xts = true, .plain32 = true},
	{.name = "cbc-essiv:sha256", .essiv = true},
	{.name = "cbc-plain64"},
	{.name = "cbc-plain", .plain32 = true},
};

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strncmp(name, "aes-", 4) == 0 && strcmp(modes[i].name, name + 4) == 0)
			return &modes[i];
	return NULL;
}

struct cipher *cipher_new(const char *name, const uint8_t *key, size_t key_size,
			  unsigned sector_size, struct error *err)
{
	const struct mode *mode = find_mode(name);
	const EVP_CIPHER *type = mode ? find_cipher(mode->xts, key_size) : NULL;
	struct cipher *cipher;

	if (!type || sector_size < UNIT || sector_size > 4096 || sector_size & (sector_size - 1)) {
		error_set(err, ERROR_IMAGE,
			  "cipher %.64s with keys of %zu bytes and sectors of %u is not known",
			  name, key_size, sector_size);
		return NULL;
	}
	/* XTS by definition has two different halves; OpenSSL insists on it */
	if (mode->xts && memcmp(key, key + key_size / 2, key_size / 2) == 0) {
		error_set(err, ERROR_IMAGE, "a key for %s whose halves are equal", name);
		return NULL;
	}
	cipher = xcalloc(1, sizeof *cipher);
	cipher->encrypt = context_new(type, key, true);
	cipher->decrypt = context_new(type, key, false);
	cipher->essiv = mode->essiv ? essiv_new(key, key_size) : NULL;
	cipher->plain32 = mode->plain32;
	cipher->sector_size = sector_size;
	return cipher;
}

void cipher_free(struct cipher *cipher)
{
	if (!cipher)
		return;
	EVP_CIPHER_CTX_free(cipher->encrypt);
	EVP_CIPHER_CTX_free(cipher->decrypt);
	EVP_CIPHER_CTX_free(cipher->essiv);
	free(cipher);
}

static void make_iv(const struct cipher *cipher, uint64_t number, uint8_t iv[static IV_SIZE])
{
	int len;

	memset(iv, 0, IV_SIZE);
	for (unsigned i = 0; i < (cipher->plain32 ? 4 : 8); i++)
		iv[i] = (uint8_t)(number >> 8 * i);
	if (cipher->essiv)
		require(EVP_CipherUpdate(cipher->essiv, iv, &len, iv, IV_SIZE));
}

static void run(const struct cipher *cipher, EVP_CIPHER_CTX *context, uint8_t *data, size_t len,
		uint64_t number)
{
	uint8_t iv[IV_SIZE];
	int done;

	for (size_t at = 0; at < len; at += cipher->sector_size) {
		make_iv(cipher, number + at / UNIT, iv);
		require(EVP_CipherInit_ex(context, NULL, NULL, NULL, iv, -1) &&
			EVP_CipherUpdate(context, data + at, &done, data + at,
					 (int)cipher->sector_size));
	}
}

void cipher_encrypt(struct cipher *cipher, void *data, size_t len, uint64_t number)
{
	run(cipher, cipher->encrypt, data, len, number);
}

void cipher_decrypt(struct cipher *cipher, void *data, size_t len, uint64_t number)
{
	run(cipher, cipher->decrypt, data, len, number);
}
