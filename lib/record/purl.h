/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Package URLs (purl-spec, type deb): pkg:deb/VENDOR/NAME@VERSION?arch=A&distro=D. */
#ifndef COLDPATCH_RECORD_PURL_H
#define COLDPATCH_RECORD_PURL_H

/* `vendor` is the distribution ("debian"); the epoch stays in the version; `distro` ("debian-12")
 * may be NULL.  The caller frees. */
char *purl_deb(const char *vendor, const char *name, const char *version, const char *architecture,
	       const char *distro);

#endif
