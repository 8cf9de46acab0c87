/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file form of a record: a Sigstore bundle v0.3 around a DSSE envelope with one signature, made
 * with a plain public key (no certificate, no transparency log).
 *
 * A bundle has one spelling: canonical JSON and a newline.  What DSSE does not sign (the key's id,
 * twice; media type) is derived from what it does, and a file that differs from the spelling in any
 * byte is refused, so that no byte of it can change unnoticed.
 */
#ifndef COLDPATCH_RECORD_BUNDLE_H
#define COLDPATCH_RECORD_BUNDLE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/key.h"
#include "record/keys.h"

#define BUNDLE_PAYLOAD_TYPE "application/vnd.in-toto+json"

/* Appends the file's bytes. */
int bundle_make(const struct key *key, const void *payload, size_t len, struct buffer *ret,
		struct error *err);

/* Checks form and signature and appends the payload.  ERROR_TRUST: not such a bundle, signed by
 * none of the keys, bad signature.  `what` names the file in messages.  *ret_key_id (borrowed from
 * `keys`) signed; whether that key was revoked is for the caller to ask. */
int bundle_open(const struct buffer *file, const char *what, const struct record_keys *keys,
		struct buffer *ret_payload, const char **ret_key_id, struct error *err);

/* Appends the payload, which nobody vouches for: to be compared with something, or so as to keep
 * what it names. */
int bundle_peek(const struct buffer *file, const char *what, struct buffer *ret_payload,
		struct error *err);

#endif
