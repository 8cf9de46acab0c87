/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What mirror_snapshot_make would do, without doing it. */
#ifndef COLDPATCH_MIRROR_TRIAL_H
#define COLDPATCH_MIRROR_TRIAL_H

#include "mirror/mirror.h"

struct mirror_trial {
	struct mirror_snapshot *snapshot; /* of all that is good; it lies nowhere */
	bool exists;			  /* the store has it */
	uint64_t n_new, new_bytes;	  /* package files that the store lacks */
	struct error *refused;		  /* a mirror, or a package file, each; the first of them */
	size_t n_refused, n_more;
};
void mirror_trial_free(struct mirror_trial *trial);
#define CLEANUP_MIRROR_TRIAL __attribute__((cleanup(mirror_trial_free)))

/* Reads and verifies everything, and goes on after what is refused.  Nothing is written but below
 * `scratch`, which is left empty.  Only what ends the look itself is an error. */
int mirror_snapshot_try(const char *store, const char *scratch,
			const struct mirror_options *mirrors, size_t n_mirrors,
			const struct mirror_policy *policy, const struct monitor *monitor,
			struct mirror_trial *ret, struct error *err);

/* {"dry_run", "digest", "exists", "sources", "packages", "new_packages", "new_bytes", "refused":
 * [{"code", "msg"}], "more_refused", "code"}; the digest is null when something is refused, since
 * nothing would be made then. */
json_t *mirror_trial_to_json(const struct mirror_trial *trial);

#endif
