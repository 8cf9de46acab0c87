/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The resolver of the rpm family, by libsolv: what a guest has installed and what a mirror snapshot
 * offers become one pool; a job asks for what the patchset wants; the transaction becomes a
 * resolution.  Only files of this directory whose names begin with solve_ include this header.
 *
 * Nothing is ever taken out of the pool.  What must not be installed is hidden: each package of it
 * carries the reason, and libsolv takes those without one (pool->considered).  An installed package
 * that is hidden stays as it is.
 */
#ifndef COLDPATCH_PACKAGE_RPM_SOLVE_H
#define COLDPATCH_PACKAGE_RPM_SOLVE_H

#include <solv/evr.h>
#include <solv/pool.h>
#include <solv/poolarch.h>
#include <solv/poolvendor.h>
#include <solv/repo.h>
#include <solv/solver.h>
#include <solv/transaction.h>

#include "package/rpm/modules.h"
#include "package/rpm/rpm.h"
#include "package/rpm/rules.h"

enum hidden {
	HIDDEN_NOT,
	HIDDEN_EXCLUDED, /* by the mirror's configuration */
	HIDDEN_MODULE,	 /* of a module stream that is not active, or in the way of one that is */
	HIDDEN_HELD,	 /* package hold, lock, exclude: `why` says whose */
	HIDDEN_NEW,	 /* new packages are not allowed */
	HIDDEN_MISSING,	 /* the index names it, its file is not there */
	HIDDEN_REMOVAL,	 /* would remove a package that is protected */
};

/* An installed package of a module stream. */
struct solve_label {
	Id id;
	char *text; /* "MODULE:STREAM:VERSION:CONTEXT" */
};

struct solve {
	const struct guest *guest;
	const struct mirror_snapshot *snapshot;
	const struct resolve_request *request;
	const struct rpm_rules *rules;
	const char *work_dir;

	Pool *pool;
	Repo *installed;
	Repo **repos; /* one for each source of the snapshot */
	struct solve_repo *sources;
	struct solve_label *labels;
	size_t n_labels;
	unsigned char *hidden;	    /* enum hidden, by solvable */
	Map install_only, security; /* by solvable */
	Map told;		    /* by solvable: hidden by modules, and a person should know */
	char **why;		    /* by solvable; owned; NULL: the reason says it all */
	struct error late;	    /* made where libsolv could not be told */

	Queue insisted; /* jobs besides the update */
	Solver *solver;
	Transaction *transaction;
};

/* The pool with everything in it, ready to be asked.  `solve` holds the five inputs and zeros. */
int solve_open(struct solve *solve, const struct package_state *state, struct error *err);
void solve_close(struct solve *solve);

/* solve_installed.c.  ERROR_IMAGE: no package, or none that every system has. */
int solve_add_installed(struct solve *solve, const struct package_state *state, struct error *err);

/* solve_repo.c: repositories, and the caches of what libsolv makes of them. */
int solve_add_repos(struct solve *solve, struct error *err);
/* Keeps with the caches which files of packages something needs by name. */
int solve_keep_file_provides(struct solve *solve, Queue *added, struct error *err);
void solve_free_repos(struct solve *solve);
/* solve_cache.c: files of the work directory, each named by the digest of what it was made from. */
FILE *solve_cache_open(const char *work_dir, const struct digest *key, const char *suffix);
typedef int solve_cache_writer(void *opaque, FILE *to); /* 0 when all went well */
int solve_cache_write(const char *work_dir, const struct digest *key, const char *suffix,
		      solve_cache_writer *write, void *opaque, struct error *err);

/* solve_hide.c */
void solve_hide(struct solve *solve, Id id, enum hidden reason, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* By the snapshot's configuration, the patchset and the guest's own rules. */
void solve_hide_unwanted(struct solve *solve);
/* The lines of modules.h that all repositories have. */
int solve_read_modules(struct solve *solve, struct rpm_modules *ret, struct error *err);
/* solve_defaults.c: ERROR_IMAGE where the guest's changes of them cannot be read. */
int solve_override_defaults(struct rpm_modules *modules, const struct package_state *state,
			    struct error *err);
/* solve_streams.c */
void solve_find_active_streams(const struct solve *solve, struct rpm_modules *modules,
			       const struct rpm_module_choices *choices);
/* solve_modules.c */
int solve_hide_modules(struct solve *solve, const struct package_state *state, struct error *err);

/* solve_advisories.c: does it mend something of what is installed? */
void solve_find_security(struct solve *solve);
bool solve_is_security(const struct solve *solve, Id id);

/* solve_install_only.c: packages that are installed beside their older versions. */
void solve_find_install_only(struct solve *solve);
bool solve_is_install_only(const struct solve *solve, Id id);

/* solve_limit.c: jobs that remove what is too many of them. */
void solve_list_surplus(const struct solve *solve, Queue *ret);

/* solve_decide.c: makes solver and transaction. */
int solve_decide(struct solve *solve, struct error *err);
Solver *solve_new_solver(const struct solve *solve);
void solve_add_policy(const struct solve *solve, bool allow_removals, Queue *job);
bool solve_is_protected(const struct solve *solve, Id id);
/* solve_weak.c */
void solve_add_weak_exclusions(const struct solve *solve, Queue *job);
bool solve_is_in_scope(const struct solve *solve, Id id);

/* solve_explain.c: why installed package `id` is not replaced by `candidate`.  The detail is
 * allocated. */
struct solve_why {
	const char *reason;
	char *detail;
};
void solve_explain(const struct solve *solve, Id id, Id candidate, struct solve_why *ret);

/* solve_policy.c: what keeps a candidate away without hiding it.  Of packages with one name,
 * libsolv takes those of the source with the smallest number: one that goes before the candidate,
 * or 0. */
Id solve_outranked_by(const struct solve *solve, Id installed, Id candidate);
/* One that is not named is the empty one, as libsolv has it. */
Id solve_vendor(const struct solve *solve, Id id);
bool solve_changes_vendor(const struct solve *solve, Id installed, Id candidate);

/* solve_left.c: pairs of an installed package and the newest that is offered for it and does not
 * come; also where an older one comes, as the newest lacks something.  Sorted by name and
 * architecture. */
void solve_list_left(const struct solve *solve, Queue *ret);
/* The newest that comes in its place, or beside it; 0: none. */
Id solve_taken_for(const struct solve *solve, Id installed);

/* solve_report.c */
int solve_report(struct solve *solve, struct resolution *ret, struct error *err);

/* solve_package.c: what others ask of one package. */
bool solve_is_package(const struct solve *solve, Id id); /* not an advisory, a source, a pattern */
bool solve_is_installed(const struct solve *solve, Id id);
const char *solve_name(const struct solve *solve, Id id);
const char *solve_arch(const struct solve *solve, Id id);
const char *solve_evr(const struct solve *solve, Id id); /* without an epoch of 0 */
char *solve_label(const struct solve *solve, Id id);	 /* "bash-5.1.8-6.el9.x86_64" */
int solve_compare_evr(const struct solve *solve, Id a, Id b);
/* Same name, and of an architecture that may take its place. */
bool solve_is_kin(const struct solve *solve, Id installed, Id other);
/* Does its file lie in the snapshot?  *ret is its digest. */
bool solve_has_file(const struct solve *solve, Id id, struct digest *ret);
const struct mirror_source *solve_source_of(const struct solve *solve, Id id);

#endif
