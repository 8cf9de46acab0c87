/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What luks1.c, luks2.c and luks.c share: the parsers give slots, luks.c opens them. */
#ifndef COLDPATCH_DISK_LUKS_H
#define COLDPATCH_DISK_LUKS_H

#include "disk/encrypted.h"

enum {
	LUKS1_HEADER = 592,
	LUKS2_HEADER = 4096, /* the binary part */
	LUKS_MAX_SLOTS = 32,
	LUKS_MAX_SALT = 64,
	LUKS_MAX_NAME = 33,
	LUKS_MAX_STRIPES = 16384,
};

struct luks_kdf {
	enum kdf kdf;
	char hash[LUKS_MAX_NAME];
	uint64_t iterations, memory_kib, lanes;
	uint8_t salt[LUKS_MAX_SALT];
	size_t salt_size;
};

struct luks_slot {
	unsigned number;
	struct luks_kdf kdf;
	char af_hash[LUKS_MAX_NAME];
	uint64_t stripes;
	size_t key_size;		   /* of the content's key */
	uint64_t offset, size;		   /* bytes of the container where its stripes lie */
	char cipher[ENCRYPTED_MAX_CIPHER]; /* which they are encrypted by */
	size_t area_key_size;
};

struct luks {
	struct luks_slot slots[LUKS_MAX_SLOTS];
	size_t n_slots;
	/* what a key that was found must give */
	struct luks_kdf digest;
	uint8_t expected[64];
	size_t expected_size;
	struct encrypted_content content; /* but for the key; size 0: to the end */
};

/* The first LUKS1_HEADER bytes of a container. */
int luks1_parse(const uint8_t *data, size_t len, struct luks *ret, struct error *err);
/* The size of the header, which the first LUKS2_HEADER bytes tell: at most LUKS2_MAX. */
#define LUKS2_MAX ((size_t)4 << 20)
int luks2_size(const uint8_t *data, size_t len, size_t *ret, struct error *err);
/* All of it. */
int luks2_parse(const uint8_t *data, size_t len, struct luks *ret, struct error *err);

#endif
