/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files a mirror's package directories hold.  They are read once, when the first package in
 * them is asked for: a partial mirror may lack most of the tens of thousands of packages that its
 * index names. */
#ifndef COLDPATCH_MIRROR_APT_POOL_H
#define COLDPATCH_MIRROR_APT_POOL_H

#include "mirror/beneath.h"

struct pool {
	int root; /* borrowed */
	struct beneath_list files;
	char **walked; /* the first parts of paths that were read */
	size_t n_walked;
};
void pool_forget(struct pool *pool);
#define CLEANUP_POOL __attribute__((cleanup(pool_forget)))

/* The stored spelling of the path, borrowed, or *ret is NULL when it is not there. */
int pool_find(struct pool *pool, const char *path, size_t len, const char **ret, struct error *err);

#endif
