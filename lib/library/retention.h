/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Retention: what prune would take of a template, as a value with a reason for each generation.
 *
 * A generation is kept when any reason says so; the rules only say which of the others may go.
 * Nothing is taken of a template that is held, or of which a head does not verify: what such a head
 * would have named is not known.
 */
#ifndef COLDPATCH_LIBRARY_RETENTION_H
#define COLDPATCH_LIBRARY_RETENTION_H

#include "library/clones.h"
#include "library/template.h"

struct retention_rules {
	unsigned keep_last;    /* those that were current last; 0: not said */
	int64_t keep_within_s; /* those that were current in this time; 0: not said */
	int64_t now;
};

struct retention_item {
	uint64_t number;
	bool taken;
	char *reason;	 /* why it is kept, or that no rule keeps it */
	uint64_t bytes;	 /* of its disks, as they are stored */
	uint64_t *below; /* the generations that it is backed by, down to the base */
	size_t n_below;
};

struct retention_plan {
	char *template_name;
	struct retention_item *items; /* ascending; without those that were pruned before */
	size_t n_items;
};

/* `clones` is what clones_find found.  With neither rule, everything is kept.  ERROR_IO: whether a
 * disk is in use cannot be found out. */
int retention_plan_new(const struct library *library, const struct template *template,
		       const struct clones *clones, const struct retention_rules *rules,
		       struct retention_plan *ret, struct error *err);
void retention_plan_free(struct retention_plan *plan);
#define CLEANUP_RETENTION_PLAN __attribute__((cleanup(retention_plan_free)))

/* The second look, after `item` has been moved: does a head or a pin that `template`, loaded anew,
 * has by now make it current or keep it? */
bool retention_is_needed(const struct template *template, const struct retention_plan *plan,
			 const struct retention_item *item);
/* And does what `clones`, found anew, names besides the template itself? */
bool retention_is_used(const struct template *template, const struct retention_plan *plan,
		       const struct retention_item *item, const struct clones *clones);

/* What is younger may have been said by somebody who is just making what needs it. */
enum { RETENTION_YOUNG_S = 3600 };

/* Bases that no overlay of the library or of its trash, no clone and no other such base needs, and
 * that are older than an hour (one that is being imported is not used yet).  The caller frees. */
int retention_unused_bases(const struct library *library, const struct clones *clones, int64_t now,
			   struct digest **ret, size_t *ret_n, struct error *err);

#endif
