/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A squash: a generation made straight on the base, from the layers of all the generations since
 * the import and its own, so that chains do not grow without end.  What the layers are and which
 * base they belong on is what signed records say; earlier generations stay as they are.
 */
#ifndef COLDPATCH_SESSION_SQUASH_H
#define COLDPATCH_SESSION_SQUASH_H

#include "library/base.h"
#include "session/library_lineage.h"

/* How every warning begins that says why an overlay is none though it is due. */
#define SQUASH_NOT_MADE "the chain grows past chain-depth, as it cannot be squashed: "

/* Start with {0}. */
struct squash {
	bool due;
	struct digest *layers; /* of the generations since the import, oldest first */
	size_t n_layers;
	struct base **bases; /* one for each disk */
	size_t n_bases;
};
void squash_free(struct squash *squash);

/* Is the generation after `number` to be one?  ret->due stays false when it is not, or cannot be:
 * then *ret_warning says why, allocated; else it is left alone. */
void squash_find(const struct library *library, const struct lineage *lineage, int64_t number,
		 struct squash *ret, char **ret_warning);

/* {"layers": [DIGEST...], "bases": [{"path", "backing_name"}...]}: the "squash" of task commit. */
json_t *squash_to_json(const struct squash *squash);
/* "squashed" in the record. */
json_t *squash_layers_to_json(const struct squash *squash);

#endif
