/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bases: image files that are nobody's overlay here; many templates may share one.
 *
 * bases/SHA256 is the file, or a link to where it lies, bases/SHA256.json what was seen when it
 * came: overlays name ../../../bases/SHA256, so that a base that moves needs no overlay rewritten.
 * A link there is the one kind that is followed, and only to the path that the .json names.
 *
 * QEMU looks for a relative backing file beside the name that it opened a file by, not beside the
 * file that a link of this name leads to.  So where the header of a base outside holds a relative
 * name, bases/SHA256 is a link to the directory that the base lies in, and overlays name
 * ../../../bases/SHA256/FILE.
 */
#ifndef COLDPATCH_LIBRARY_BASE_H
#define COLDPATCH_LIBRARY_BASE_H

#include <sys/stat.h>

#include "library/owner.h"

enum base_mode { BASE_REFERENCE, BASE_COPY, BASE_MOVE };

struct base {
	struct digest digest;
	enum base_mode mode;
	char *path;    /* where the bytes lie: outside, or LIBRARY/bases/SHA256; absolute, its
			* directory without links */
	char *name;    /* LIBRARY/bases/SHA256 */
	char *format;  /* "raw", "qcow2" */
	uint64_t size; /* bytes of the file */
	int64_t mtime_s;
	uint32_t mtime_ns;
	char *backing_name;    /* as its header spells it, or NULL: nothing is below it */
	struct digest backing; /* then, the base below it */
};

/* A base and those below it, down to the last. */
struct base_chain {
	struct base **bases;
	size_t n;
};

void base_free(struct base *base);
DEFINE_CLEANUP(struct base, base_free)
/* ERROR_MISSING; ERROR_TRUST: .json and link do not fit. */
struct base *base_load(const struct library *library, const struct digest *digest,
		       struct error *err);
/* The same of a base whose .json and link do not fit: what the .json says, for who mends it. */
struct base *base_read(const struct library *library, const struct digest *digest,
		       struct error *err);
/* Where the file of a copy is made: LIBRARY/bases/.tmp-..., allocated; another one each time. */
char *base_staged_path(const struct library *library, const char *run);
/* base->path is the file outside, or of a copy the staged one, which becomes bases/SHA256
 * (read-only, and is no more).  Already there is fine when it says the same: the one that is there
 * stays. */
int base_add(const struct library *library, const struct base *base, struct error *err);
/* Has base_add nothing against it, by what is there now? */
int base_may_add(const struct library *library, const struct base *base, struct error *err);
/* What trash_take_files took of it, as part of `run`, is in its place again, where nobody has added
 * it anew. */
int base_take_back(const struct library *library, const struct digest *digest, const char *run,
		   struct error *err);
int library_list_bases(const struct library *library, struct digest **ret, size_t *ret_n,
		       struct error *err);
/* Size and mtime are those that were seen?  ERROR_TRUST "edited behind our back", ERROR_MISSING
 * "... coldpatch relocate". */
int base_check_unchanged(const struct base *base, struct error *err);
/* It is there with the size that was seen, and only its time is another. */
bool base_has_other_time(const struct base *base);
/* Gives the file of a copy its time again, after its digest was found to be right; `seen` is what
 * it was before that was read.  ERROR_BUSY: it was changed since; ERROR_DENIED. */
int base_restore_time(const struct base *base, const struct stat *seen, struct error *err);
/* What the header of an overlay on it names, in a directory of a generation; allocated. */
char *base_overlay_backing(const struct base *base);
/* bases/SHA256 of a referenced base is a link to this; allocated. */
char *base_link_target(const struct base *base);

/* As base_load, all of them. */
int base_chain_load(const struct library *library, const struct digest *digest,
		    struct base_chain *ret, struct error *err);
void base_chain_free(struct base_chain *chain);
#define CLEANUP_BASE_CHAIN __attribute__((cleanup(base_chain_free)))
/* Does each header lead QEMU, which knows no digests, to the file of the base below?  Not asked of
 * a file that is not there, which base_check_unchanged tells.  ERROR_TRUST. */
int base_chain_check(const struct base_chain *chain, struct error *err);

/* Could the base lie at `path`, absolute, so that the chains that it is in still lead from file to
 * file?  ERROR_DENIED: no, and what would help.  ERROR_USAGE: it lies in the library. */
int base_may_relocate(const struct library *library, const struct digest *digest, const char *path,
		      struct error *err);
/* Points a referenced base to another path that base_may_relocate has nothing against, whose digest
 * was found to be the same; `seen` is what the file was before that was read.  ERROR_BUSY: it was
 * changed since. */
int base_relocate(const struct library *library, const struct digest *digest, const char *path,
		  const struct stat *seen, struct error *err);
/* Who relocates has this meanwhile.  ERROR_BUSY says who does. */
struct owner_file *base_lease(const struct library *library, const char *run, struct error *err);

#endif
