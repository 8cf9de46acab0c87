/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An apt Release file: https://wiki.debian.org/DebianRepository/Format and deb822(5). */
#ifndef COLDPATCH_MIRROR_APT_RELEASE_H
#define COLDPATCH_MIRROR_APT_RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

/* A line of the SHA256 section. */
struct release_file {
	char *path; /* relative to the Release file, safe (beneath.h) */
	uint64_t size;
	struct digest sha256;
};

struct release {
	char *origin, *label, *suite, *codename, *version; /* NULL: not said */
	char **components, **architectures;
	size_t n_components, n_architectures;
	int64_t date;	     /* seconds since the epoch */
	int64_t valid_until; /* 0: not said */
	bool by_hash;
	struct release_file *files; /* sorted by path */
	size_t n_files;
};

/* Only SHA256 counts; weaker sections are skipped.  ERROR_TRUST: no Date, no SHA256 section, or not
 * in the format. */
int release_parse(const char *text, size_t len, struct release *ret, struct error *err);
void release_free(struct release *release);
#define CLEANUP_RELEASE __attribute__((cleanup(release_free)))
/* NULL when it is not listed. */
const struct release_file *release_find(const struct release *release, const char *path);

/* "Sat, 14 Jun 2025 09:33:10 UTC": always UTC, by that or another name. */
bool release_parse_date(const char *text, int64_t *ret);

#endif
