/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OpenPGP signatures, checked by gpgv against pinned keyrings and nothing else. */
#ifndef COLDPATCH_MIRROR_GPGV_H
#define COLDPATCH_MIRROR_GPGV_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/monitor.h"

/* Fingerprints of the primary keys that made good signatures, upper-case hex; at least one. */
struct signers {
	char **fingerprints;
	size_t n_fingerprints;
};
void signers_free(struct signers *signers);
#define CLEANUP_SIGNERS __attribute__((cleanup(signers_free)))

struct gpgv {
	const char *directory;	     /* private, ours: keyrings are copied and files put there */
	const char *const *keyrings; /* as the user gave them */
	size_t n_keyrings;
	const struct monitor *monitor;
};

/*
 * A good signature is one by a key of the keyrings that is neither expired nor revoked, over a
 * digest of SHA-256 or better.  One is enough (vendors sign with the old and the new key while they
 * change keys) unless another is bad.  Everything else is ERROR_TRUST; a keyring that cannot be
 * read is ERROR_CONFIG, no gpgv is ERROR_HOST.  `name` is what messages call the file.
 */

/* For a cleartext signature: *ret_text is what was signed, as gpgv gave it back.  Text outside the
 * signed block is refused. */
int gpgv_verify_inline(const struct gpgv *gpgv, const char *name, const struct buffer *file,
		       struct buffer *ret_text, struct signers *ret, struct error *err);
/* For a signature in a file of its own. */
int gpgv_verify_detached(const struct gpgv *gpgv, const char *name, const struct buffer *file,
			 const struct buffer *signature, struct signers *ret, struct error *err);

/* What gpgv wrote to its status descriptor, judged; shared with its test. */
int gpgv_judge(const char *name, const char *status, int exit_code, struct signers *ret,
	       struct error *err);

#endif
