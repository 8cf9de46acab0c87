/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A patchset: a YAML file (by libcyaml) that says what to apply to which guests.
 *
 *     version: 1
 *     name: debian-12-security
 *     description: ...
 *     os: {id: debian, version: "12"}
 *     scope: security            # all | security | named
 *     packages: [openssl]        # scope named
 *     holds: [postgresql-*]      # package holds, shell patterns
 *     allow-removals: false
 *     allow-new: true
 */
#ifndef COLDPATCH_PLAN_PATCHSET_H
#define COLDPATCH_PLAN_PATCHSET_H

#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "package/package.h"

struct patchset {
	char *name, *description;
	char *os_id;	  /* the guests it is for */
	char *os_version; /* or the beginning of it, up to a dot; NULL: any */
	enum resolve_scope scope;
	char **packages;
	size_t n_packages;
	char **holds;
	size_t n_holds;
	bool allow_removals, allow_new;
	struct digest digest; /* of the meaning, not of the file's bytes */
};

/* ERROR_CONFIG with file, line and what is wrong; ERROR_MISSING. */
struct patchset *patchset_read(const char *path, struct error *err);
void patchset_free(struct patchset *patchset);
DEFINE_CLEANUP(struct patchset, patchset_free)
/* Is it for this guest?  ERROR_CONFIG names both. */
int patchset_check_guest(const struct patchset *patchset, const char *os_id, const char *version_id,
			 struct error *err);
void patchset_request(const struct patchset *patchset, struct resolve_request *ret); /* borrows */

#endif
