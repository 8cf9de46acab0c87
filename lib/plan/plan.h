/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan: what would be done to a guest, as a value.  A pure function of package state, mirror
 * snapshot and patchset: equal inputs give equal bytes, and its digest names it.  What depends on
 * one guest or on the clock is the fit check (fit.h), printed beside it and not part of it.
 */
#ifndef COLDPATCH_PLAN_PLAN_H
#define COLDPATCH_PLAN_PLAN_H

#include "base/json.h"
#include "guest/guest.h"
#include "mirror/mirror.h"
#include "package/package.h"
#include "plan/patchset.h"

/* Bytes and inodes needed below a directory.  Conservative: unpacked size of every new version
 * while the old one is still there, plus one initramfs per new kernel under /boot. */
struct plan_space {
	char *path; /* "/", "/boot", "/usr", "/var" */
	uint64_t bytes;
	uint64_t inodes;
};

/* Something a person should know before approving. */
struct plan_care {
	char *code; /* "kernel", "boot-loader", "database", "initramfs", "libc", "history" */
	char *package;
	char *detail;
};

struct plan {
	char *family;
	char *architecture;
	char *os_id, *os_version_id;
	struct digest package_state;
	struct digest snapshot;
	struct digest patchset;
	char *patchset_name;
	struct resolution resolution;
	struct plan_space *space;
	size_t n_space;
	struct plan_care *care;
	size_t n_care;
};

void plan_free(struct plan *plan);
DEFINE_CLEANUP(struct plan, plan_free)
/* {"version": 1, ...}; docs/plan.schema.json. */
json_t *plan_to_json(const struct plan *plan);
json_t *plan_care_to_json(const struct plan *plan); /* as in it */
struct plan *plan_from_json(const json_t *json, struct error *err);
void plan_digest(const struct plan *plan, struct digest *ret);
/* Nothing to do? */
bool plan_is_empty(const struct plan *plan);

/* Joins what the family resolved with space and care.  Steals *resolution. */
struct plan *plan_make(const struct guest *guest, const struct mirror_snapshot *snapshot,
		       const struct patchset *patchset, struct resolution *resolution);

/*
 * The fit check: does this plan, made for this package state, fit this guest now?
 */
struct fit_space {
	char *mountpoint;
	uint64_t needed_bytes, free_bytes, needed_inodes, free_inodes;
};
struct fit {
	struct fit_space *space; /* per mounted file system */
	size_t n_space;
	char **warnings;
	size_t n_warnings;
};
void fit_free(struct fit *fit);
json_t *fit_to_json(const struct fit *fit);
/* ERROR_BUSY: the plan was made for another package state; ERROR_IMAGE: "guest file system / is too
 * small: needs ..., has ...", or one of guest->blockers. */
int fit_check(const struct plan *plan, const struct guest *guest, struct fit *ret,
	      struct error *err);
/* Warns of what the patchset asks for by name and the guest does not have. */
void fit_add_absent(const struct patchset *patchset, const struct guest *guest, struct fit *fit);

#endif
