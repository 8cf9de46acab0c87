/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked of it comes from hostile bytes: the limits are far above what anybody chooses, and
 * end in minutes. */
#include <argon2.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/cipher.h"

enum { MAX_LANES = 16, MAX_ARGON2_TIME = 4096 };
static const uint64_t max_pbkdf2 = UINT64_C(1) << 28;
static const uint64_t max_memory_kib = UINT64_C(4) << 20;
static const uint64_t max_argon2_work = UINT64_C(64) << 20; /* passes over a KiB */

size_t hash_size(const char *name)
{
	const EVP_MD *type = EVP_get_digestbyname(name);

	return type ? (size_t)EVP_MD_get_size(type) : 0;
}

void hash_numbered(const char *name, uint32_t number, const void *data, size_t len, uint8_t *ret)
{
	const uint8_t bytes[] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
				 (uint8_t)(number >> 8), (uint8_t)number};
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context || !EVP_DigestInit_ex(context, EVP_get_digestbyname(name), NULL) ||
	    !EVP_DigestUpdate(context, bytes, sizeof bytes) ||
	    !EVP_DigestUpdate(context, data, len) || !EVP_DigestFinal_ex(context, ret, NULL))
		abort();
	EVP_MD_CTX_free(context);
}

static int derive_pbkdf2(const struct kdf_cost *cost, const struct passphrase *passphrase,
			 const struct passphrase *salt, uint8_t *ret, size_t len, struct error *err)
{
	const EVP_MD *type = EVP_get_digestbyname(cost->hash);

	if (!type)
		return error_set(err, ERROR_IMAGE, "hash %.32s is not known", cost->hash);
	if (cost->iterations == 0 || cost->iterations > max_pbkdf2)
		return error_set(err, ERROR_IMAGE, "PBKDF2 with %llu iterations is out of bounds",
				 (unsigned long long)cost->iterations);
	if (!PKCS5_PBKDF2_HMAC((const char *)passphrase->data, (int)passphrase->len, salt->data,
			       (int)salt->len, (int)cost->iterations, type, (int)len, ret))
		return error_set(err, ERROR_BUSY, "PBKDF2 failed: out of memory?");
	return 0;
}

/* One thread for all lanes: the result is the same, and nothing here makes threads. */
static int derive_argon2(const struct kdf_cost *cost, const struct passphrase *passphrase,
			 const struct passphrase *salt, uint8_t *ret, size_t len, struct error *err)
{
	argon2_context context = {.out = ret,
				  .outlen = (uint32_t)len,
				  .pwd = (uint8_t *)(uintptr_t)passphrase->data,
				  .pwdlen = (uint32_t)passphrase->len,
				  .salt = (uint8_t *)(uintptr_t)salt->data,
				  .saltlen = (uint32_t)salt->len,
				  .t_cost = (uint32_t)cost->iterations,
				  .m_cost = (uint32_t)cost->memory_kib,
				  .lanes = (uint32_t)cost->lanes,
				  .threads = 1,
				  .version = ARGON2_VERSION_13};
	int status;

	if (cost->iterations > MAX_ARGON2_TIME || cost->memory_kib > max_memory_kib ||
	    cost->lanes > MAX_LANES || cost->iterations * cost->memory_kib > max_argon2_work)
		return error_set(
			err, ERROR_IMAGE,
			"Argon2 with %llu passes over %llu KiB in %llu lanes is out of bounds",
			(unsigned long long)cost->iterations, (unsigned long long)cost->memory_kib,
			(unsigned long long)cost->lanes);
	status = argon2_ctx(&context, cost->kdf == KDF_ARGON2I ? Argon2_i : Argon2_id);
	if (status == ARGON2_OK)
		return 0;
	return error_set(err, status == ARGON2_MEMORY_ALLOCATION_ERROR ? ERROR_BUSY : ERROR_IMAGE,
			 "Argon2 over %llu KiB: %s", (unsigned long long)cost->memory_kib,
			 argon2_error_message(status));
}

int kdf_derive(const struct kdf_cost *cost, const struct passphrase *passphrase,
	       const struct passphrase *salt, uint8_t *ret, size_t len, struct error *err)
{
	return cost->kdf == KDF_PBKDF2 ? derive_pbkdf2(cost, passphrase, salt, ret, len, err)
				       : derive_argon2(cost, passphrase, salt, ret, len, err);
}
