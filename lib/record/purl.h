/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Package URLs (purl-spec): pkg:TYPE/VENDOR/NAME@VERSION?arch=A&distro=D. */
#ifndef COLDPATCH_RECORD_PURL_H
#define COLDPATCH_RECORD_PURL_H

#include <stdbool.h>

struct purl {
	const char *type;
	const char *vendor;			   /* the distribution: "debian" */
	const char *name, *version, *architecture; /* an epoch stays in the version */
	const char *distro;			   /* "debian-12", or NULL */
	bool lower_name;			   /* the type has names in lower case */
};
/* Allocated. */
char *purl_format(const struct purl *purl);

#endif
