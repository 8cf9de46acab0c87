/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rollbacks keep away.  A rollback says that an update was not good, and the next mirror
 * snapshot makes another plan of the same update: so what is refused is what the update brought,
 * package by package, in the versions that it brought.
 */
#ifndef COLDPATCH_SESSION_LIBRARY_UNDONE_H
#define COLDPATCH_SESSION_LIBRARY_UNDONE_H

#include "plan/plan.h"
#include "session/library_lineage.h"

/* Borrowed from template and plan. */
struct undone {
	const struct head *rollback;
	const struct package_change *package; /* the first; NULL: the very plan was undone */
	size_t n;			      /* so many in all */
};
/* Does a rollback in force at `now` hold the template against this plan?  It does when a generation
 * that it undid was made by it, or brought one of the packages that it brings in this version. */
bool undone_find(const struct template *template, const struct lineage *lineage,
		 const struct plan *plan, int64_t now, struct undone *ret);
/* Is heads[i] a rollback that holds against anything at `now`?  *ret is the generation that it went
 * back from. */
bool undone_by(const struct template *template, const struct lineage *lineage, size_t i,
	       int64_t now, uint64_t *ret);

#endif
