/* SPDX-License-Identifier: GPL-2.0-or-later */
/* primary.xml, the packages of a repository: what says which file belongs to which digest. */
#ifndef COLDPATCH_MIRROR_REPOMD_PRIMARY_H
#define COLDPATCH_MIRROR_REPOMD_PRIMARY_H

#include <stdint.h>

#include "base/checksum.h"

/* One package, borrowed for the call. */
struct primary_package {
	char *name, *architecture;	 /* NULL: not said */
	char *epoch, *version, *release; /* NULL: not said */
	char *href;			 /* as href_read, may leave the repository */
	struct checksum checksum;
	uint64_t size; /* of the file */
};

/* Calls `each` for every package, in order; its -1 ends the walk.  Untrusted input.  ERROR_TRUST:
 * not in the format, or a package with a location that href_read refuses, without a size, or with a
 * weak digest alone. */
int primary_parse(const char *text, size_t len,
		  int (*each)(void *opaque, const struct primary_package *package,
			      struct error *err),
		  void *opaque, struct error *err);

#endif
