/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encrypted containers (LUKS 1 and 2) in a partition, a disk or a volume, opened by the content of
 * a key file.  The key material is read as data and used by this process; the host's own device
 * mapper plays no part, and nothing that is decrypted is known to the kernel.
 *
 * Formats: the LUKS1 On-Disk Format Specification 1.2.3, the LUKS2 On-Disk Format Specification
 * 1.1.1 (both of cryptsetup).
 */
#ifndef COLDPATCH_DISK_ENCRYPTED_H
#define COLDPATCH_DISK_ENCRYPTED_H

#include "base/cipher.h"
#include "disk/block.h"

enum { ENCRYPTED_MAX_KEY = 64, ENCRYPTED_MAX_CIPHER = 72 };

/* How the content lies in the container, and the key to it. */
struct encrypted_content {
	uint64_t offset, size; /* bytes of the container */
	uint64_t first_number; /* of the sector at `offset`, for the cipher */
	unsigned sector_size;
	char cipher[ENCRYPTED_MAX_CIPHER];
	uint8_t key[ENCRYPTED_MAX_KEY];
	size_t key_size;
};

/* Keys are tried in their order; one that ends with a newline also without it.  1 when one fits, 0
 * when none does.  ERROR_IMAGE: the container is damaged, or of a kind that is not known here. */
int encrypted_open(struct block *block, const struct passphrase *keys, size_t n_keys,
		   struct encrypted_content *ret, struct error *err);

/* A disk with parts of it in the clear; owns `parent`, also when it fails (it does not). */
struct block *clear_new(struct block *parent);
/* The same parts of another connection to the same disk; owns `parent`. */
struct block *clear_new_like(struct block *parent, const struct block *clear);
/* From `offset` of the disk on lie the `size` bytes that follow the first `skip` of the content. */
int clear_add(struct block *clear, uint64_t offset, uint64_t size, uint64_t skip,
	      const struct encrypted_content *content, struct error *err);

#endif
