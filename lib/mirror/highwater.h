/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The newest date seen of each repository, so that an older state of it, which is as well signed,
 * is noticed.  Kept by the host in a file:
 *
 *     {"version": 1, "marks": [{"origin", "suite", "signer", "date", "index"}, ...]}
 *
 * "suite" is the codename where there is one: it does not change when a release grows old.
 */
#ifndef COLDPATCH_MIRROR_HIGHWATER_H
#define COLDPATCH_MIRROR_HIGHWATER_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

struct highwater_mark {
	char *origin, *suite, *signer;
	int64_t date;
	struct digest index;
};
struct highwater {
	struct highwater_mark *marks;
	size_t n_marks;
};
void highwater_free(struct highwater *highwater);
#define CLEANUP_HIGHWATER __attribute__((cleanup(highwater_free)))

/* No file is an empty one.  ERROR_CONFIG: damaged. */
int highwater_read(const char *path, struct highwater *ret, struct error *err);
/* The mark, or NULL. */
const struct highwater_mark *highwater_find(const struct highwater *highwater,
					    const struct highwater_mark *key);
/* Raises or adds a mark; never lowers one.  Copies the strings. */
void highwater_raise(struct highwater *highwater, const struct highwater_mark *mark);
/* Raises the marks of the file, under a lock, atomically. */
int highwater_update(const char *path, const struct highwater *seen, struct error *err);

#endif
