/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The public keys that records and heads are verified with, opened once, and what is known of their
 * end.
 *
 * A retired key signs nothing more; what it signed before stays good.  A revoked key may have been
 * in other hands, which could also lie about the time: what it signed is good only up to the heads
 * that the revocation names (`coldpatch log head`, kept from a day when all was well).
 *
 * NAME.pub is revoked by NAME.revoked beside it, retired by NAME.retired:
 *	{"revoked": SECONDS, "good": {TEMPLATE: {"head": NUMBER, "digest": HEX}}}
 *	{"retired": SECONDS, "good": the same, or absent}
 * The digest is of the head's file; as each head names the digest of the one before, it says which
 * heads and records up to that one are meant, and none that were made later.  Where a retirement
 * has no "good", and for what no head names, what the signer's clock said counts.
 */
#ifndef COLDPATCH_RECORD_KEYS_H
#define COLDPATCH_RECORD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/key.h"

struct record_keys;

/* `paths` are files, or directories of which every *.pub is taken.  ERROR_CONFIG, ERROR_MISSING.
 */
struct record_keys *record_keys_open(const char *const *paths, size_t n_paths, struct error *err);
void record_keys_free(struct record_keys *keys);
DEFINE_CLEANUP(struct record_keys, record_keys_free)

/* For bundle_open. */
const struct key *const *record_keys_all(const struct record_keys *keys, size_t *ret_n);
/* The file of the n-th of those. */
const char *record_keys_path(const struct record_keys *keys, size_t n);

/* The end of a key; where it is there by several paths, of any of them. */
struct key_end {
	bool revoked; /* else retired */
	int64_t time;
	bool has_good; /* a list of heads, empty or not; always of a revoked one */
};
/* NULL: the key signs still. */
const struct key_end *record_keys_end(const struct record_keys *keys, const char *key_id);
bool record_keys_is_revoked(const struct record_keys *keys, const char *key_id);
/* ERROR_TRUST: the key has ended, and nothing but its time tells whether a signature made at `time`
 * is from before; `what` is what was signed. */
int record_keys_check_time(const struct record_keys *keys, const char *key_id, int64_t time,
			   const char *what, struct error *err);
/* The last head of `template_name` that the signature of a key that ended is good for; false: none
 * is.  That the heads up to it are the ones that were meant is for the caller to see. */
bool record_keys_good_head(const struct record_keys *keys, const char *key_id,
			   const char *template_name, uint64_t *ret_number,
			   struct digest *ret_digest);

/* What a retired key signed is judged by its time alone from now on: for who lists good heads anew.
 */
void record_keys_forget_good(struct record_keys *keys, const char *key_id);

/* NAME.key or NAME.pub -> NAME.retired, NAME.revoked; allocated. */
char *key_end_path(const char *path, bool revoked);
/* ERROR_DENIED when the key of this file, private or public, signs no more. */
int key_check_signs(const char *path, struct error *err);

/* An end as it is written.  `good` (owned, may be NULL) is an object as above. */
struct key_end_file {
	bool revoked;
	int64_t time;
	json_t *good;
};
int key_end_write(const char *path, const struct key_end_file *end, struct error *err);
/* ERROR_MISSING: it has not ended that way. */
int key_end_read(const char *path, bool revoked, struct key_end_file *ret, struct error *err);

#endif
