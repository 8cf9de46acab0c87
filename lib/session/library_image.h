/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what a caller names as an image to its files: a loose image as it is, a template's
 * generation from the library. */
#ifndef COLDPATCH_SESSION_LIBRARY_IMAGE_H
#define COLDPATCH_SESSION_LIBRARY_IMAGE_H

#include "session/library_lineage.h"

/* Start with {0}. */
struct resolved_image {
	struct coldpatch_image
		image;		   /* disks and backing; borrowed from the caller, or from here */
	char *name;		   /* for messages: "NAME", or the first disk */
	struct template *template; /* NULL: a loose image */
	const struct template_generation *generation;
	struct lineage *lineage;
	char **backing;
	size_t n_backing;
};

/* ERROR_USAGE, ERROR_MISSING; ERROR_TRUST: something on the way to the base does not verify. */
int image_resolve(struct coldpatch_session *session, const struct coldpatch_image *image,
		  struct resolved_image *ret, struct error *err);
void resolved_image_free(struct resolved_image *resolved);
#define CLEANUP_RESOLVED __attribute__((cleanup(resolved_image_free)))

/* Puts the image's name in front of the message, where it is not there; returns -1. */
int resolved_image_blame(const struct resolved_image *resolved, struct error *err);
/* What the host's policy calls the image's trust domain; "own" where nothing else was said. */
const char *resolved_image_domain(const struct resolved_image *resolved);

#endif
