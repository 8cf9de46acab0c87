/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What disk encryption is made of: ciphers over sectors, and keys made of passphrases.  Names are
 * those of dm-crypt. */
#ifndef COLDPATCH_BASE_CIPHER_H
#define COLDPATCH_BASE_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

struct cipher;

/* "aes-xts-plain64", "aes-cbc-essiv:sha256", ...; `sector_size` is a power of two from 512 to 4096.
 * ERROR_IMAGE names what is not known, or a key of the wrong length. */
struct cipher *cipher_new(const char *name, const uint8_t *key, size_t key_size,
			  unsigned sector_size, struct error *err);
void cipher_free(struct cipher *cipher);
DEFINE_CLEANUP(struct cipher, cipher_free)

/* Whole sectors, in place.  `number` is that of the first, counted in units of 512 bytes whatever
 * the sector size is. */
void cipher_encrypt(struct cipher *cipher, void *data, size_t len, uint64_t number);
void cipher_decrypt(struct cipher *cipher, void *data, size_t len, uint64_t number);

/* Hashes by their name ("sha1", "sha256", "sha512", "ripemd160", "whirlpool"); 0 when there is no
 * such. */
size_t hash_size(const char *name);
/* Of a number, most significant byte first, and the data; `ret` takes hash_size bytes. */
void hash_numbered(const char *name, uint32_t number, const void *data, size_t len, uint8_t *ret);

struct passphrase {
	const uint8_t *data;
	size_t len;
};

enum kdf { KDF_PBKDF2, KDF_ARGON2I, KDF_ARGON2ID };
struct kdf_cost {
	enum kdf kdf;
	const char *hash;    /* PBKDF2 */
	uint64_t iterations; /* of Argon2: its time */
	uint64_t memory_kib, lanes;
};
/* ERROR_IMAGE: parameters that nobody chooses; ERROR_BUSY: not enough memory for them. */
int kdf_derive(const struct kdf_cost *cost, const struct passphrase *passphrase,
	       const struct passphrase *salt, uint8_t *ret, size_t len, struct error *err);

#endif
