/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the files of a mirror lie: at its source, and in the directory that is fetched into.  What
 * is called a suite here is what one signed index speaks for. */
#ifndef COLDPATCH_FETCH_LAYOUT_H
#define COLDPATCH_FETCH_LAYOUT_H

#include "base/checksum.h"

#define FETCH_APT    "apt"
#define FETCH_REPOMD "repomd"

struct fetch_layout {
	const char *name;
	const char *index;     /* of a suite, signed */
	const char *signature; /* in a file of its own; NULL: in the index */
	/* Paths of a file of a suite, allocated. */
	char *(*remote)(const char *suite, const char *path); /* below the source */
	char *(*place)(const char *suite, const char *path);  /* below the directory */
	/* Of package files; `path` as a struct choice has it. */
	char *(*package_remote)(const char *source, const char *path);
	char *(*package_place)(const char *suite, const char *path);
	/* The path that a file has beside those of other states of the suite. */
	char *(*path_by_hash)(const char *path, const struct checksum *checksum);
};

const struct fetch_layout *fetch_layout_find(const char *name); /* NULL: there is none */

/* What a repository is called in the directory, of its URL or path; the caller frees. */
char *fetch_repository_name(const char *source);

#endif
