/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that a package's header lists. */
#ifndef COLDPATCH_RPM_RPM_FILES_H
#define COLDPATCH_RPM_RPM_FILES_H

#include <sys/types.h>

#include "base/digest.h"
#include "rpm/rpm_header.h"

struct rpm_file {
	const char *path;
	mode_t mode;
	bool config, ghost; /* a ghost is the package's, but not in it */
	bool rewritten;	    /* its content is made again on the machine: not to be verified */
	/* Of an installed package: it lies there.  Not documents, languages and files for another
	 * word size that were left out, nor what another package replaced. */
	bool installed;
	const struct digest *sha256; /* of a regular file's content; NULL: the header has another
					kind of digest, or none */
};

/* -1 ends it. */
typedef int rpm_file_callback(void *opaque, const struct rpm_file *file, struct error *err);

/* In the header's order, directories too.  Untrusted input.  ERROR_IMAGE: its lists do not fit each
 * other. */
int rpm_header_each_file(const struct rpm_header *header, rpm_file_callback *each, void *opaque,
			 struct error *err);

#endif
