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

/* `template` must outlive it.  What cannot be read is a problem of its step. */
struct lineage *lineage_new(const struct template *template, const struct record_keys *keys);
void lineage_free(struct lineage *lineage);
DEFINE_CLEANUP(struct lineage, lineage_free)

/* NULL: no such generation. */
const struct lineage_step *lineage_step(const struct lineage *lineage, int64_t number);
/* How many generations lie on the way from `from` back to `to`, `from` among them; 0: no way leads
 * there, or it is not known. */
size_t lineage_distance(const struct lineage *lineage, int64_t from, int64_t to);
/* How many of the generations from `from` back are not `to`, nor what `to` was made of; 0: none, or
 * the two have nothing in common. */
size_t lineage_apart(const struct lineage *lineage, int64_t from, int64_t to);
/* The digest of byproduct `name` ("plan"); NULL when the record has none. */
const struct digest *lineage_byproduct(const struct lineage_step *step, const char *name);

/* The files below the disks of a generation, down to the bases.  ERROR_TRUST: a record on the way
 * cannot be used; a base was changed.  The caller frees vector and strings. */
int lineage_backing(const struct library *library, const struct lineage *lineage, int64_t number,
		    char ***ret, size_t *ret_n, struct error *err);

#endif
