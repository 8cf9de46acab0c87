/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locations in a repository's indexes.  They are parts of URLs (RFC 3986: "%2b" is "+").
 *
 * Amazon Linux keeps the packages of all states of a repository in one pool beside them, and its
 * locations lead there: "../../../../blobstore/DIGEST/x.rpm".  Its own reposync puts such a file
 * into the repository as "x.rpm"; so do we.
 */
#ifndef COLDPATCH_MIRROR_REPOMD_HREF_H
#define COLDPATCH_MIRROR_REPOMD_HREF_H

#include <stdbool.h>

#include "base/error.h"

/* The path, from the repository, of a <location> with these attributes; the caller frees.  Of plain
 * names, but that "../" may be in front where it `may_leave` the repository.  ERROR_TRUST: none, a
 * URL, or one that leads elsewhere; also with xml:base, by which an index sends its readers
 * elsewhere. */
char *href_read(const char *const *attributes, bool may_leave, struct error *err);

/* Where the file of a location that may leave lies in the repository; the caller frees. */
char *href_place(const char *href);
/* Where it lies in the mirror, which has the repository at `repository`; NULL: out of it. */
char *href_in_mirror(const char *repository, const char *href);

#endif
