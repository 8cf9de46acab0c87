/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_PACKAGE_NAMES_H
#define COLDPATCH_PACKAGE_NAMES_H

#include "fs/tree.h"

/* The names in a directory of the guest; the caller sets suffix and limit. */
struct package_names {
	const char *suffix; /* others are left out; "" leaves none out */
	size_t limit;
	char **items; /* sorted */
	size_t n_items;
};
/* None when the directory is not there; ERROR_IMAGE when it is none, or beyond the limit. */
int package_names_read(struct tree *tree, const char *directory, struct package_names *names,
		       struct error *err);
void package_names_free(struct package_names *names);
#define CLEANUP_PACKAGE_NAMES __attribute__((cleanup(package_names_free)))

#endif
