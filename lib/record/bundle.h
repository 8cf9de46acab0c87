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

#define BUNDLE_PAYLOAD_TYPE "application/vnd.in-toto+json"

/* Appends the file's bytes. */
int bundle_make(const struct key *key, const void *payload, size_t len, struct buffer *ret,
		struct error *err);

/* Checks form and signature and appends the payload.  ERROR_TRUST: not such a bundle, signed by
 * none of the keys, bad signature.  `what` names the file in messages. */
int bundle_open(const struct buffer *file, const char *what, const struct key *const *keys,
		size_t n_keys, struct buffer *ret_payload, struct error *err);

#endif
