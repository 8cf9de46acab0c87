/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "disk/luks.h"

enum {
	N_SLOTS = 8,
	SLOTS = 208,
	SLOT_SIZE = 48,
	SALT_SIZE = 32,
	DIGEST = 20,
	SECTOR = 512,
};
#define ENABLED UINT32_C(0x00ac71f3)

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* 32 bytes that end with a NUL. */
static int read_name(const uint8_t *at, char ret[static LUKS_MAX_NAME], struct error *err)
{
	size_t len = strnlen((const char *)at, LUKS_MAX_NAME - 1);

	if (len == 0 || len == LUKS_MAX_NAME - 1)
		return error_set(err, ERROR_IMAGE, "a name in its LUKS header has no end");
	memcpy(ret, at, len);
	ret[len] = '\0';
	return 0;
}

static void read_slot(const uint8_t *at, unsigned number, const char *hash, struct luks *luks)
{
	struct luks_slot *slot = &luks->slots[luks->n_slots];

	if (be32(at) != ENABLED)
		return;
	luks->n_slots++;
	*slot = (struct luks_slot){.number = number,
				   .kdf = {.iterations = be32(at + 4), .salt_size = SALT_SIZE},
				   .stripes = be32(at + 44),
				   .key_size = luks->content.key_size,
				   .offset = (uint64_t)be32(at + 40) * SECTOR,
				   .area_key_size = luks->content.key_size};
	slot->size = slot->stripes * slot->key_size;
	memcpy(slot->kdf.salt, at + 8, SALT_SIZE);
	snprintf(slot->kdf.hash, sizeof slot->kdf.hash, "%s", hash);
	snprintf(slot->af_hash, sizeof slot->af_hash, "%s", hash);
	snprintf(slot->cipher, sizeof slot->cipher, "%s", luks->content.cipher);
}

int luks1_parse(const uint8_t *data, size_t len, struct luks *ret, struct error *err)
{
	char name[LUKS_MAX_NAME], mode[LUKS_MAX_NAME], hash[LUKS_MAX_NAME];
	struct luks luks = {.expected_size = DIGEST};

	if (len < LUKS1_HEADER)
		return error_set(err, ERROR_IMAGE, "its LUKS header is cut off");
	if (read_name(data + 8, name, err) < 0 || read_name(data + 40, mode, err) < 0 ||
	    read_name(data + 72, hash, err) < 0)
		return -1;
	snprintf(luks.content.cipher, sizeof luks.content.cipher, "%s-%s", name, mode);
	luks.content.offset = (uint64_t)be32(data + 104) * SECTOR;
	luks.content.key_size = be32(data + 108);
	luks.content.sector_size = SECTOR;
	if (luks.content.key_size == 0 || luks.content.key_size > ENCRYPTED_MAX_KEY)
		return error_set(err, ERROR_IMAGE, "LUKS keys of %zu bytes are not known",
				 luks.content.key_size);
	luks.digest = (struct luks_kdf){.iterations = be32(data + 164), .salt_size = SALT_SIZE};
	snprintf(luks.digest.hash, sizeof luks.digest.hash, "%s", hash);
	memcpy(luks.expected, data + 112, DIGEST);
	memcpy(luks.digest.salt, data + 132, SALT_SIZE);
	for (unsigned i = 0; i < N_SLOTS; i++)
		read_slot(data + SLOTS + SLOT_SIZE * i, i, hash, &luks);
	*ret = luks;
	return 0;
}
