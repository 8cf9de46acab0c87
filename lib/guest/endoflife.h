/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When vendors stop publishing updates without a further contract; a table that ships with us. */
#ifndef COLDPATCH_GUEST_ENDOFLIFE_H
#define COLDPATCH_GUEST_ENDOFLIFE_H

struct endoflife {
	const char *date; /* "YYYY-MM-DD", the last day */
	const char *what; /* of what: "LTS", "standard support", ... */
};

/* NULL when the table has no such release.  Any argument may be NULL. */
const struct endoflife *endoflife_find(const char *id, const char *version_id,
				       const char *pretty_name);

#endif
