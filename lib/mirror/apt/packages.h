/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Packages index of an apt mirror: only what says which file belongs to which digest. */
#ifndef COLDPATCH_MIRROR_APT_PACKAGES_H
#define COLDPATCH_MIRROR_APT_PACKAGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

/* One stanza.  `path` points into the text and is not terminated. */
struct packages_entry {
	const char *path; /* as the index spells it, without a leading "./" */
	size_t path_len;
	uint64_t size;
	struct digest sha256;
};

/* Calls `each` for every stanza, in order; its -1 ends the walk.  ERROR_TRUST: a stanza without
 * Filename, Size or SHA256, or with a Filename that leads out of the mirror. */
int packages_parse(const char *text, size_t len,
		   int (*each)(void *opaque, const struct packages_entry *entry, struct error *err),
		   void *opaque, struct error *err);

#endif
