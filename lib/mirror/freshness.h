/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a signed index young enough to be used?  Judged once, when the mirror snapshot is made. */
#ifndef COLDPATCH_MIRROR_FRESHNESS_H
#define COLDPATCH_MIRROR_FRESHNESS_H

#include "mirror/highwater.h"
#include "mirror/mirror.h"

/*
 * ERROR_TRUST: its date is more than a day ahead of the clock; past Valid-Until; older than
 * `maximum_age` seconds, unless that is 0; older than the mark of any of its signers.  All but the
 * first may be allowed by the digest of the index, which the messages give.
 */
int freshness_check(const char *name, const struct mirror_source *source,
		    const struct mirror_policy *policy, int64_t maximum_age, struct error *err);
/* `key` has origin, suite, signer, date and index of the source. */
int freshness_check_mark(const char *name, const struct highwater *highwater,
			 const struct highwater_mark *key, const struct mirror_policy *policy,
			 struct error *err);

#endif
