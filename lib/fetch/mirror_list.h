/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of the mirrors of a repository, as mirrorlist= and metalink= of a .repo file name them: a
 * URL in each line, or XML of Metalink 3.0 (what mirrormanager gives; RFC 5854's differs by the
 * element that holds a file), whose URLs are those of repodata/repomd.xml.
 *
 * A list is not signed.  It says where to ask, and nothing of what is right.
 */
#ifndef COLDPATCH_FETCH_MIRROR_LIST_H
#define COLDPATCH_FETCH_MIRROR_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { MIRROR_LIST_MAX_TEXT = 4 << 20, MIRROR_LIST_MAX = 100 };

struct mirror_list {
	char **urls; /* http and https, of repositories, in the list's order */
	size_t n;
};
void mirror_list_free(struct mirror_list *list);
#define CLEANUP_MIRROR_LIST __attribute__((cleanup(mirror_list_free)))

/* An http or https URL that fits into one word of apt's line-wise protocol with its methods? */
bool mirror_url_is_safe(const char *text);

/* Other URLs are left out, as is what comes after MIRROR_LIST_MAX.  Untrusted input.  ERROR_MIRROR:
 * not such a list, or one without URLs. */
int mirror_list_parse(const char *text, size_t len, struct mirror_list *ret, struct error *err);

#endif
