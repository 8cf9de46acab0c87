/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signing keys: ECDSA on the curve P-256 with SHA-256, nothing else.  Keys are PEM files: NAME.key
 * (PKCS#8, 0600) and NAME.pub (SPKI), as `openssl pkey` reads and writes them.  A key's id is the
 * SHA-256 of its DER SPKI, in lower-case hex.
 */
#ifndef COLDPATCH_BASE_KEY_H
#define COLDPATCH_BASE_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

struct key;

/* Makes DIRECTORY/NAME.key, its owner's alone, and DIRECTORY/NAME.pub, which everybody may read,
 * and the directory when it is missing; neither file may exist (ERROR_DENIED).  The name is
 * [A-Za-z0-9][A-Za-z0-9._-]* (ERROR_USAGE).  *ret_id (may be NULL) is the caller's. */
int key_generate(const char *directory, const char *name, char **ret_id, struct error *err);
/* Whether key_generate would refuse; makes nothing. */
int key_generate_check(const char *directory, const char *name, struct error *err);
/* Id of a public key file; the caller frees. */
char *key_id(const char *public_path, struct error *err);

/* ERROR_MISSING, ERROR_CONFIG: not such a key; a private key that others may read is refused. */
struct key *key_open_private(const char *path, struct error *err);
struct key *key_open_public(const char *path, struct error *err);
void key_free(struct key *key);
DEFINE_CLEANUP(struct key, key_free)
/* Borrowed. */
const char *key_get_id(const struct key *key);

/* Appends the signature (DER) to `ret`. */
int key_sign(const struct key *key, const void *data, size_t len, struct buffer *ret,
	     struct error *err);
bool key_verify(const struct key *key, const void *data, size_t len, const void *signature,
		size_t signature_len);

#endif
