/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_MIRROR_REPOMD_HREF_H
#define COLDPATCH_MIRROR_REPOMD_HREF_H

#include "base/error.h"

/* The path, below the repository, of a <location> with these attributes; the caller frees.
 * ERROR_TRUST: none, a URL, or one that leads out of the repository; also with xml:base, by which
 * an index sends its readers elsewhere. */
char *href_read(const char *const *attributes, struct error *err);

#endif
