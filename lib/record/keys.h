/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The public keys that records and heads are verified with, opened once, and what is known of their
 * end.
 *
 * A retired key signs nothing more; what it signed stays good.  A revoked key may have been in
 *other hands, which could also lie about the time: what it signed is good only up to the heads that
 *the revocation names (`coldpatch log head`, kept from a day when all was well).
 *
 * NAME.pub is revoked by NAME.revoked beside it:
 *	{"revoked": SECONDS, "good": {TEMPLATE: {"head": NUMBER, "digest": HEX}}}
 * The digest is of the head's file; as each head names the digest of the one before, it says which
 * heads and records up to that one are meant, and none that were made later.
 */
#ifndef COLDPATCH_RECORD_KEYS_H
#define COLDPATCH_RECORD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/key.h"

struct record_keys;

/* `paths` are files, or directories of which every *.pub is taken; NAME.pub may have NAME.revoked
 * beside it.  ERROR_CONFIG. */
struct record_keys *record_keys_open(const char *const *paths, size_t n_paths, struct error *err);
void record_keys_free(struct record_keys *keys);
DEFINE_CLEANUP(struct record_keys, record_keys_free)

/* For bundle_open. */
const struct key *const *record_keys_all(const struct record_keys *keys, size_t *ret_n);
bool record_keys_is_revoked(const struct record_keys *keys, const char *key_id);
/* May the key with this id have signed head `number` of `template_name`, or a record that such a
 * head names?  Always true unless it is revoked.  That the heads up to the good one are the ones
 * that were meant is for record_keys_good_head. */
bool record_keys_may_have_signed(const struct record_keys *keys, const char *key_id,
				 const char *template_name, uint64_t number);
/* The last head of `template_name` that a revoked key's signature is good for; false: none is. */
bool record_keys_good_head(const struct record_keys *keys, const char *key_id,
			   const char *template_name, uint64_t *ret_number,
			   struct digest *ret_digest);

#endif
