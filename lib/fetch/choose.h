/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which packages a guest could need, of those that the verified indexes name.
 *
 * The resolver that makes plans decides, on a package state made up from the want file.  That state
 * knows names and versions only; what else apt asks of an installed package is taken from the index
 * that has the same version.  Of a version that no index has any more the dependencies are not
 * known, and not needed: they concern the state that is left behind.
 */
#ifndef COLDPATCH_FETCH_CHOOSE_H
#define COLDPATCH_FETCH_CHOOSE_H

#include "base/checksum.h"
#include "fetch/want.h"

struct choice {
	char *suite; /* that has it */
	char *path;  /* in the mirror (apt), safe, or from the repository (href_read) */
	uint64_t size;
	struct checksum checksum;
};
struct choices {
	struct choice *items;
	size_t n_items;
	size_t n_left; /* packages that this resolve would leave behind */
};
void choices_free(struct choices *choices);
#define CLEANUP_CHOICES __attribute__((cleanup(choices_free)))

struct choose_request {
	enum resolve_scope scope;
	bool allow_removals;
	/* Trust no dependency of an installed package: for when they do not fit together, because
	 * something installed comes from elsewhere. */
	bool loose;
	const char *cache_dir; /* for this mirror snapshot */
};

/* What is to be updated, what that needs, and the newest version of what would be left behind.
 * Takes away from the snapshot what does not suit the guest.  Call it in a process of its own.
 * ERROR_MIRROR: no index suits; ERROR_IMAGE: what is installed does not fit together. */
int choose_packages(const struct want_guest *guest, struct mirror_snapshot *snapshot,
		    const struct choose_request *request, struct choices *ret, struct error *err);

/* The same for the layout repomd, where that is not asked of a resolver: of each package that is
 * installed, every newer version for its architecture or for all. */
int choose_newer(const struct want_guest *guest, struct mirror_snapshot *snapshot,
		 struct choices *ret, struct error *err);

#endif
