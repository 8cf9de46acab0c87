/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slot holds the content's key, spread over `stripes` times its size so that it can be wiped
 * (anti-forensic splitting), encrypted by a key that is derived of the passphrase.  Whether it is
 * the right one a digest of it tells.
 */
#include "disk/luks.h"

#include <string.h>

enum { MAX_AREA = 8 << 20, SECTOR = 512 };

static bool is_luks(const uint8_t *data)
{
	return memcmp(data, "LUKS\xba\xbe", 6) == 0;
}

static int read_2(struct block *block, const uint8_t *first, struct luks *ret, struct error *err)
{
	CLEANUP_FREE uint8_t *data = NULL;
	size_t size;

	if (luks2_size(first, LUKS2_HEADER, &size, err) < 0)
		return -1;
	data = xcalloc(1, size);
	return block_read(block, data, size, 0, err) < 0 ? -1 : luks2_parse(data, size, ret, err);
}

static int read_header(struct block *block, struct luks *ret, struct error *err)
{
	uint8_t first[LUKS2_HEADER];

	if (block_read(block, first, sizeof first, 0, err) < 0)
		return -1;
	if (!is_luks(first))
		return error_set(err, ERROR_IMAGE, "no LUKS header");
	if (first[6] == 0 && first[7] == 1)
		return luks1_parse(first, sizeof first, ret, err);
	if (first[6] == 0 && first[7] == 2)
		return read_2(block, first, ret, err);
	return error_set(err, ERROR_IMAGE, "version %u of LUKS is not known",
			 (unsigned)(first[6] << 8 | first[7]));
}

static int check_content(const struct block *block, struct encrypted_content *content,
			 struct error *err)
{
	uint64_t size = block_size(block), left;

	left = content->offset < size ? size - content->offset : 0;
	if (content->size == 0)
		content->size = left;
	if (content->size == 0 || content->size > left)
		return error_set(err, ERROR_IMAGE, "what its LUKS header tells of lies outside");
	content->size -= content->size % (content->sector_size ? content->sector_size : SECTOR);
	return 0;
}

/* A block of the hash at a time, each with its number. */
static void diffuse(const char *hash, uint8_t *block, size_t size)
{
	size_t piece = hash_size(hash);
	uint8_t hashed[64];
	uint32_t number = 0;

	for (size_t at = 0; at < size; at += piece, number++) {
		size_t n = size - at < piece ? size - at : piece;

		hash_numbered(hash, number, block + at, n, hashed);
		memcpy(block + at, hashed, n);
	}
}

static void merge(const struct luks_slot *slot, const uint8_t *stripes, uint8_t *ret)
{
	memset(ret, 0, slot->key_size);
	for (uint64_t i = 0; i < slot->stripes; i++) {
		for (size_t j = 0; j < slot->key_size; j++)
			ret[j] ^= stripes[i * slot->key_size + j];
		if (i + 1 < slot->stripes)
			diffuse(slot->af_hash, ret, slot->key_size);
	}
}

static int derive(const struct luks_kdf *kdf, const struct passphrase *passphrase, uint8_t *ret,
		  size_t len, struct error *err)
{
	const struct kdf_cost cost = {kdf->kdf, kdf->hash, kdf->iterations, kdf->memory_kib,
				      kdf->lanes};
	const struct passphrase salt = {kdf->salt, kdf->salt_size};

	return kdf_derive(&cost, passphrase, &salt, ret, len, err);
}

static int check_slot(const struct luks_slot *slot, struct error *err)
{
	size_t hashed = hash_size(slot->af_hash);

	if (slot->stripes == 0 || slot->stripes > LUKS_MAX_STRIPES ||
	    slot->stripes * slot->key_size > MAX_AREA ||
	    slot->size < slot->stripes * slot->key_size)
		return error_set(err, ERROR_IMAGE,
				 "its LUKS slot %u has %llu stripes, which do not fit into it",
				 slot->number, (unsigned long long)slot->stripes);
	return hashed && hashed <= 64
		       ? 0
		       : error_set(err, ERROR_IMAGE, "hash %s is not known", slot->af_hash);
}

/* The key that the slot gives, which is another one when the passphrase is. */
static int open_slot(struct block *block, const struct luks_slot *slot,
		     const struct passphrase *passphrase, uint8_t *ret, struct error *err)
{
	size_t size = (size_t)(slot->stripes * slot->key_size);
	size_t whole = (size + SECTOR - 1) / SECTOR * SECTOR;
	uint8_t key[ENCRYPTED_MAX_KEY];
	CLEANUP(cipher_free)
	struct cipher *cipher = NULL;
	CLEANUP_FREE uint8_t *stripes = xcalloc(1, whole);

	if (block_read(block, stripes, whole, slot->offset, err) < 0 ||
	    derive(&slot->kdf, passphrase, key, slot->area_key_size, err) < 0)
		return -1;
	cipher = cipher_new(slot->cipher, key, slot->area_key_size, SECTOR, err);
	explicit_bzero(key, sizeof key);
	if (!cipher)
		return -1;
	cipher_decrypt(cipher, stripes, whole, 0);
	merge(slot, stripes, ret);
	explicit_bzero(stripes, whole);
	return 0;
}

static int is_right(const struct luks *luks, const uint8_t *key, size_t size, bool *ret,
		    struct error *err)
{
	const struct passphrase candidate = {key, size};
	uint8_t digest[64];

	if (luks->expected_size < 16)
		return error_set(err, ERROR_IMAGE, "the digest in its LUKS header is too short");
	if (derive(&luks->digest, &candidate, digest, luks->expected_size, err) < 0)
		return -1;
	*ret = memcmp(digest, luks->expected, luks->expected_size) == 0;
	return 0;
}

static int try_slot(struct block *block, const struct luks_slot *slot,
		    const struct passphrase *passphrase, struct luks *luks, struct error *err)
{
	struct encrypted_content *content = &luks->content;
	bool right = false;

	if (check_slot(slot, err) < 0 ||
	    open_slot(block, slot, passphrase, content->key, err) < 0 ||
	    is_right(luks, content->key, slot->key_size, &right, err) < 0)
		return -1;
	content->key_size = slot->key_size;
	return right;
}

/* A slot that is damaged or of another kind does not keep a later one from being tried; what is
 * wrong is told when none fits. */
static int try_slots(struct block *block, const struct passphrase *passphrase, struct luks *luks,
		     struct error *problem)
{
	for (size_t i = 0; i < luks->n_slots; i++) {
		struct error one = {0};

		if (try_slot(block, &luks->slots[i], passphrase, luks, &one) > 0)
			return 1;
		if (one.kind)
			*problem = one;
		if (one.kind && one.kind != ERROR_IMAGE)
			return -1;
	}
	return 0;
}

/* Editors and `echo` end a file with a newline that is not part of what was typed. */
static int try_key(struct block *block, struct passphrase passphrase, struct luks *luks,
		   struct error *problem)
{
	int found = try_slots(block, &passphrase, luks, problem);

	if (found || passphrase.len == 0 || passphrase.data[passphrase.len - 1] != '\n')
		return found;
	passphrase.len--;
	return try_slots(block, &passphrase, luks, problem);
}

int encrypted_open(struct block *block, const struct passphrase *keys, size_t n_keys,
		   struct encrypted_content *ret, struct error *err)
{
	CLEANUP_FREE struct luks *luks = xcalloc(1, sizeof *luks);
	CLEANUP(cipher_free)
	struct cipher *cipher = NULL;
	struct error problem = {0};
	int found = 0;

	if (read_header(block, luks, err) < 0 || check_content(block, &luks->content, err) < 0)
		return -1;
	for (size_t i = 0; i < n_keys && found == 0; i++)
		found = try_key(block, keys[i], luks, &problem);
	if (found <= 0 && problem.kind)
		*err = problem;
	if (found <= 0)
		return problem.kind ? -1 : 0;
	cipher = cipher_new(luks->content.cipher, luks->content.key, luks->content.key_size,
			    luks->content.sector_size, err);
	if (cipher)
		*ret = luks->content;
	explicit_bzero(luks, sizeof *luks);
	return cipher ? 1 : -1;
}
