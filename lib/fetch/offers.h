/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the package indexes of a mirror snapshot offer. */
#ifndef COLDPATCH_FETCH_OFFERS_H
#define COLDPATCH_FETCH_OFFERS_H

#include "fetch/want.h"

/* A package file by its digest. */
struct offer {
	struct digest sha256;
	size_t source; /* in the snapshot */
	char *path;
	uint64_t size;
};

/* A version of a package that is installed somewhere. */
struct offered_version {
	char *name, *version, *architecture;
	char *fields;  /* those that an installed package has, too; "Field: value" lines */
	char *lasting; /* those of them that hardly change from version to version */
	struct digest sha256;
};

struct offers {
	struct offer *files; /* sorted by digest */
	size_t n_files;
	struct offered_version *versions; /* sorted by name; else in the order of the indexes */
	size_t n_versions;
};
void offers_free(struct offers *offers);
#define CLEANUP_OFFERS __attribute__((cleanup(offers_free)))

/* Reads the indexes of the guest's architectures; versions of packages that it has installed. */
int offers_read(const struct mirror_snapshot *snapshot, const struct want_guest *guest,
		struct offers *ret, struct error *err);

const struct offer *offers_find(const struct offers *offers, const struct digest *sha256);
/* The first version of this name, or NULL; those after it up to versions + n_versions may have the
 * same name. */
const struct offered_version *offers_of(const struct offers *offers, const char *name);

#endif
