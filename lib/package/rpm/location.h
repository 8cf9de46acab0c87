/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a guest's package database lies, and of which form it is. */
#ifndef COLDPATCH_PACKAGE_RPM_LOCATION_H
#define COLDPATCH_PACKAGE_RPM_LOCATION_H

#include "fs/tree.h"
#include "rpm/database.h"

struct rpm_location {
	const struct rpm_database_format *format;
	const char *directory; /* static */
};

/* 1 found, 0 none there, -1.  ERROR_IMAGE: there are several, and which of them the guest uses only
 * its own rpm can tell. */
int rpm_location_find(struct tree *tree, struct rpm_location *ret, struct error *err);

/* ERROR_IMAGE: by the guest's macros its rpm has the database in another place (location_macros.c).
 */
int rpm_location_check_macros(struct tree *tree, const struct rpm_location *location,
			      struct error *err);

/* Reads all that is in it.  ERROR_IMAGE as rpm_database_read. */
int rpm_location_read(struct tree *tree, const struct rpm_location *location,
		      rpm_database_callback *each, void *opaque, struct error *err);

/* In words: by what this is a guest whose /usr is replaced as a whole (OSTree), or NULL when it is
 * none.  Static. */
int rpm_location_image_based(struct tree *tree, const char **ret, struct error *err);

#endif
