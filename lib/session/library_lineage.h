/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the generations of a template come from, as their records tell it. */
#ifndef COLDPATCH_SESSION_LIBRARY_LINEAGE_H
#define COLDPATCH_SESSION_LIBRARY_LINEAGE_H

#include "record/record.h"
#include "session/library.h"

enum { LINEAGE_NONE = -1 };

struct lineage_step {
	const struct template_generation *generation; /* borrowed */
	struct record *record;			      /* NULL: cannot be used */
	char *problem;				      /* then, why */
	int64_t before; /* the generation that this one was made of; LINEAGE_NONE: none, or not
			   known */
	int64_t below;	/* the one that its disks are backed by; LINEAGE_NONE: bases */
};

struct lineage {
	struct lineage_step *steps; /* as template->generations */
	size_t n;
};

/* A record is read whether or not the disks that it tells of are there.  `template` must outlive
 * it.  What cannot be read is a problem of its step; of a generation that has another number of
 * disks than its record tells of, this becomes its problem, too: template_find() comes afterwards.
 */
struct lineage *lineage_new(struct template *template, const struct record_keys *keys);
void lineage_free(struct lineage *lineage);
DEFINE_CLEANUP(struct lineage, lineage_free)

/* NULL: no such generation. */
const struct lineage_step *lineage_step(const struct lineage *lineage, int64_t number);
/* A way from one generation back, towards another. */
struct lineage_way {
	size_t n; /* generations on it, the first among them; 0: no way leads there */
	const struct lineage_step *lost; /* NULL, or where a record on the way cannot be used: it is
					    not known then whether one leads there, and `n` are all
					    that are known */
};
/* From `from` back to `to`. */
struct lineage_way lineage_distance(const struct lineage *lineage, int64_t from, int64_t to);
/* From `from` back to `to`, or to what `to` was made of, too. */
struct lineage_way lineage_apart(const struct lineage *lineage, int64_t from, int64_t to);
/* Of a `lost` one: why nothing is known of what it was made of. */
const char *lineage_lost_why(const struct lineage_step *step);
/* The digest of byproduct `name` ("plan"); NULL when the record has none. */
const struct digest *lineage_byproduct(const struct lineage_step *step, const char *name);

/* The files below the disks of a generation, down to the bases.  ERROR_TRUST: a generation on the
 * way has a problem; a base was changed.  The caller frees vector and strings. */
int lineage_backing(const struct library *library, const struct lineage *lineage, int64_t number,
		    char ***ret, size_t *ret_n, struct error *err);

#endif
