/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bases: image files that are nobody's overlay here; many templates may share one.
 *
 * bases/SHA256 is the file, or a link to where it lies, bases/SHA256.json what was seen when it
 * came: overlays name ../../../bases/SHA256, so that a base that moves needs no overlay rewritten.
 * A link there is the one kind that is followed, and only to the path that the .json names.
 */
#ifndef COLDPATCH_LIBRARY_BASE_H
#define COLDPATCH_LIBRARY_BASE_H

#include "library/owner.h"

enum base_mode { BASE_REFERENCE, BASE_COPY, BASE_MOVE };

struct base {
	struct digest digest;
	enum base_mode mode;
	char *path;    /* where the bytes lie: outside, or LIBRARY/bases/SHA256 */
	char *name;    /* LIBRARY/bases/SHA256 */
	char *format;  /* "raw", "qcow2" */
	uint64_t size; /* bytes of the file */
	int64_t mtime_s;
	uint32_t mtime_ns;
	bool has_backing; /* a chain that was imported: each of its files is a base */
	struct digest backing;
};

void base_free(struct base *base);
DEFINE_CLEANUP(struct base, base_free)
/* ERROR_MISSING; ERROR_TRUST: .json and link do not fit. */
struct base *base_load(const struct library *library, const struct digest *digest,
		       struct error *err);
/* Where the file of a copy is made: LIBRARY/bases/.tmp-..., allocated; another one each time. */
char *base_staged_path(const struct library *library, const char *run);
/* base->path is the file outside, or of a copy the staged one, which becomes bases/SHA256
 * (read-only, and is no more).  Already there is fine when it says the same: the one that is there
 * stays. */
int base_add(const struct library *library, const struct base *base, struct error *err);
int library_list_bases(const struct library *library, struct digest **ret, size_t *ret_n,
		       struct error *err);
/* Size and mtime are those that were seen?  ERROR_TRUST "edited behind our back", ERROR_MISSING
 * "... coldpatch relocate". */
int base_check_unchanged(const struct base *base, struct error *err);
/* The paths of the base and of those below it, for opening a chain. */
int base_chain_paths(const struct library *library, const struct digest *digest, char ***ret,
		     size_t *ret_n, struct error *err);
/* Points a referenced base to another path whose digest was found to be the same. */
int base_relocate(const struct library *library, const struct digest *digest, const char *path,
		  struct error *err);

#endif
