/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The public keys that records and heads are verified with, opened once, and what is known of their
 * end.
 *
 * A retired key signs nothing more; what it signed stays good.  A revoked key may have been in other
 * hands, which could also lie about the time: what it signed is good only up to the heads that the
 * revocation names (`coldpatch log head`, kept from a day when all was well).
 */
#ifndef COLDPATCH_RECORD_KEYS_H
#define COLDPATCH_RECORD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"

struct record_keys;

/* `paths` are files, or directories of which every *.pub is taken; NAME.pub may have NAME.revoked
 * beside it (JSON).  ERROR_CONFIG. */
struct record_keys *record_keys_open(const char *const *paths, size_t n_paths, struct error *err);
void record_keys_free(struct record_keys *keys);
DEFINE_CLEANUP(struct record_keys, record_keys_free)

/* For bundle_open. */
const struct key *const *record_keys_all(const struct record_keys *keys, size_t *ret_n);
/* May the key with this id have signed head `number` of `template_name`, or a record that such a head
 * names?  Always true unless it is revoked. */
bool record_keys_may_have_signed(const struct record_keys *keys, const char *key_id,
				 const char *template_name, uint64_t number);

#endif
