/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys a user pinned, in the form that gpgv reads. */
#ifndef COLDPATCH_MIRROR_KEYRING_H
#define COLDPATCH_MIRROR_KEYRING_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/* Appends the binary form of a keyring: what is armoured (RFC 4880, section 6.2) is decoded, all
 * blocks of it; other bytes are taken as they are.  ERROR_CONFIG: armour without a key in it. */
int keyring_dearmour(const char *text, size_t len, struct buffer *ret, struct error *err);

/* Appends the binary form of a keyring file.  ERROR_CONFIG: it is not there, or holds no key. */
int keyring_read(const char *path, struct buffer *ret, struct error *err);
/* Copies a keyring file in that form; the same errors. */
int keyring_copy(const char *from, const char *to, struct error *err);

#endif
