/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What guests inside an air gap want to have brought in: a text file that a person can read before
 * it goes out (docs/air-gap.md).
 *
 *     coldpatch-want 1
 *
 *     release debian 12 bookworm
 *     architectures amd64
 *     suites bookworm bookworm-security bookworm-updates
 *     update all
 *     package adduser 3.134 all
 *     ...
 *
 * A guest whose packages come in the layout repomd has no code name ("-") and no suites, as nothing
 * tells which repositories there are, and says so:
 *
 *     release rocky 9.1 -
 *     layout repomd
 *     architectures x86_64
 *     update all
 *     package bash 5.1.8-6.el9 x86_64
 *
 * A block per set of packages; guests that have the same are one block.  Equal guests in any order
 * give equal bytes: blocks are sorted by their text, packages by name, architecture and version,
 * and nothing says which guest a block is of.  All words are of letters, digits and "+-.:~^_", so
 * that none can carry more than it seems to.
 */
#ifndef COLDPATCH_FETCH_WANT_H
#define COLDPATCH_FETCH_WANT_H

#include "guest/guest.h"
#include "plan/patchset.h"

/* Of the text of a want file. */
enum { WANT_MAX_TEXT = 64 << 20 };

struct want_package {
	char *name, *version, *architecture;
};

struct want_guest {
	char *layout;			     /* of the mirrors it is updated from */
	char *os_id, *os_version, *codename; /* NULL: not said; one of apt has a codename */
	char **architectures;		     /* its own first */
	size_t n_architectures;
	char **suites; /* directories below dists/; for apt */
	size_t n_suites;
	enum resolve_scope scope;
	char **names; /* RESOLVE_NAMED: packages to update */
	size_t n_names;
	struct want_package *packages;
	size_t n_packages;
};

struct want {
	struct want_guest *guests;
	size_t n_guests;
};
void want_free(struct want *want);
#define CLEANUP_WANT __attribute__((cleanup(want_free)))

/* Adds what a guest wants; `patchset` NULL is all updates.  ERROR_IMAGE: its release, or what is
 * installed, cannot be told in such a file; ERROR_CONFIG: the patchset is not for it. */
int want_add(struct want *want, const struct guest *guest, const struct patchset *patchset,
	     struct error *err);
/* Adds the blocks of a file.  Untrusted input; ERROR_CONFIG with the line. */
int want_parse(const char *text, size_t len, struct want *want, struct error *err);
/* The file; equal blocks are one.  Sorts the blocks.  The caller frees. */
char *want_to_text(struct want *want);
/* Leaves one of equal blocks, in the order of the file. */
void want_settle(struct want *want);

#endif
