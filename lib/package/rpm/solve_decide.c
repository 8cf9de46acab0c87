/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The job is dnf's for `dnf upgrade`: a targeted update to the packages in scope.  What cannot be
 * updated stays; libsolv removes nothing that it was not allowed to, except what a new package
 * obsoletes.
 *
 * Whose file is missing, and what would take a protected package away, is only known once libsolv
 * has chosen.  Those are hidden, and it chooses again.
 */
#include <string.h>

#include "base/memory.h"
#include "package/rpm/solve.h"

static bool is_named(const struct solve *solve, Id id)
{
	struct rpm_nevra package = {.name = solve_name(solve, id),
				    .evr = solve_evr(solve, id),
				    .architecture = solve_arch(solve, id)};

	for (size_t i = 0; i < solve->request->n_names; i++)
		if (rpm_hold_matches(solve->request->names[i], &package))
			return true;
	return false;
}

static bool replaces_named(const struct solve *solve, Id id)
{
	Pool *pool = solve->pool;
	const Solvable *s = pool_id2solvable(pool, id);
	Id other, pp;

	if (!s->obsoletes)
		return false;
	for (Id *dep = s->repo->idarraydata + s->obsoletes; *dep; dep++)
		FOR_PROVIDES(other, pp, *dep)
	if (solve_is_installed(solve, other) && is_named(solve, other) &&
	    pool_match_nevr(pool, pool_id2solvable(pool, other), *dep))
		return true;
	return false;
}

bool solve_is_in_scope(const struct solve *solve, Id id)
{
	switch (solve->request->scope) {
	case RESOLVE_ALL:
		return true;
	case RESOLVE_SECURITY:
		return solve_is_security(solve, id);
	case RESOLVE_NAMED:
		return is_named(solve, id) || replaces_named(solve, id);
	}
	return false;
}

/* Of the installed packages those of a name that is asked for, the newest: so that libsolv does not
 * replace a package by an equal one, nor an old kernel by one that is older than the newest. */
static void add_installed_targets(const struct solve *solve, Queue *targets)
{
	Pool *pool = solve->pool;
	Map names;
	Id id;
	Solvable *s;

	map_init(&names, pool->ss.nstrings);
	for (int i = 0; i < targets->count; i++)
		MAPSET(&names, pool_id2solvable(pool, targets->elements[i])->name);
	FOR_REPO_SOLVABLES(solve->installed, id, s)
	{
		Id other, pp;
		bool newest = true;

		if (solve->hidden[id] || !MAPTST(&names, s->name))
			continue;
		FOR_PROVIDES(other, pp, s->name)
		{
			const Solvable *o = pool_id2solvable(pool, other);

			if (o->repo == s->repo && o->name == s->name && o->arch == s->arch &&
			    solve_compare_evr(solve, other, id) > 0)
				newest = false;
		}
		if (newest)
			queue_push(targets, id);
	}
	map_free(&names);
}

static void add_targets(const struct solve *solve, Queue *job)
{
	Queue targets;

	queue_init(&targets);
	for (Id id = 1; id < solve->pool->nsolvables; id++)
		if (solve_is_package(solve, id) && !solve_is_installed(solve, id) &&
		    !solve->hidden[id] && solve_is_in_scope(solve, id))
			queue_push(&targets, id);
	add_installed_targets(solve, &targets);
	if (targets.count)
		queue_push2(job,
			    SOLVER_UPDATE | SOLVER_TARGETED | SOLVER_SOLVABLE_ONE_OF |
				    SOLVER_SETARCH | SOLVER_SETEVR,
			    pool_queuetowhatprovides(solve->pool, &targets));
	queue_free(&targets);
}

bool solve_is_protected(const struct solve *solve, Id id)
{
	for (size_t i = 0; i < solve->rules->n_protected; i++)
		if (strcmp(solve->rules->protected_names[i], solve_name(solve, id)) == 0)
			return true;
	return solve->hidden[id] || solve_is_install_only(solve, id);
}

void solve_add_policy(const struct solve *solve, bool allow_removals, Queue *job)
{
	Solvable *s;
	Id id;

	for (id = 1; id < solve->pool->nsolvables; id++)
		if (solve_is_install_only(solve, id))
			queue_push2(job, SOLVER_MULTIVERSION | SOLVER_SOLVABLE, id);
	if (!allow_removals)
		return;
	FOR_REPO_SOLVABLES(solve->installed, id, s)
	if (!solve_is_protected(solve, id))
		queue_push2(job, SOLVER_ALLOWUNINSTALL | SOLVER_SOLVABLE, id);
}

Solver *solve_new_solver(const struct solve *solve)
{
	Solver *solver = solver_create(solve->pool);

	solver_set_flag(solver, SOLVER_FLAG_ALLOW_VENDORCHANGE, solve->rules->vendor_change);
	solver_set_flag(solver, SOLVER_FLAG_KEEP_ORPHANS, 1);
	solver_set_flag(solver, SOLVER_FLAG_BEST_OBEY_POLICY, 1);
	solver_set_flag(solver, SOLVER_FLAG_YUM_OBSOLETES, 1);
	solver_set_flag(solver, SOLVER_FLAG_URPM_REORDER, 1);
	solver_set_flag(solver, SOLVER_FLAG_IGNORE_RECOMMENDED, !solve->rules->weak_dependencies);
	return solver;
}

static void make_job(const struct solve *solve, Queue *job)
{
	add_targets(solve, job);
	if (solve->rules->weak_dependencies)
		solve_add_weak_exclusions(solve, job);
	solve_add_policy(solve, solve->request->allow_removals, job);
	queue_insertn(job, job->count, solve->insisted.count, solve->insisted.elements);
}

static int run_solver(struct solve *solve, struct error *err)
{
	Queue job;
	int problems;

	queue_init(&job);
	make_job(solve, &job);
	if (solve->transaction)
		transaction_free(steal(solve->transaction));
	if (solve->solver)
		solver_free(solve->solver);
	solve->solver = solve_new_solver(solve);
	problems = solver_solve(solve->solver, &job);
	queue_free(&job);
	if (solve->late.kind)
		return *err = solve->late, -1;
	if (problems)
		return error_set(err, ERROR_IMAGE, "libsolv finds no way to update the guest: %s",
				 solver_problem2str(solve->solver, 1));
	solve->transaction = solver_create_transaction(solve->solver);
	return 0;
}

/* Of what was chosen, hides what has no package file; was there any? */
static bool hide_missing(struct solve *solve)
{
	const Queue *steps = &solve->transaction->steps;
	struct digest digest;
	bool any = false;

	for (int i = 0; i < steps->count; i++) {
		Id id = steps->elements[i];

		if (solve_is_installed(solve, id) || solve_has_file(solve, id, &digest))
			continue;
		solve_hide(solve, id, HIDDEN_MISSING, NULL);
		any = true;
	}
	return any;
}

/* An update of the same name takes nothing away. */
static Id remover_of(const struct solve *solve, Id installed)
{
	Queue by;
	Id remover = 0;

	queue_init(&by);
	transaction_all_obs_pkgs(solve->transaction, installed, &by);
	for (int i = 0; i < by.count; i++) {
		if (pool_id2solvable(solve->pool, by.elements[i])->name ==
		    pool_id2solvable(solve->pool, installed)->name) {
			remover = 0;
			break;
		}
		remover = by.elements[i];
	}
	queue_free(&by);
	return remover;
}

static bool hide_removers(struct solve *solve)
{
	const Queue *steps = &solve->transaction->steps;
	bool any = false;

	for (int i = 0; i < steps->count; i++) {
		Id id = steps->elements[i], remover;

		if (!solve_is_installed(solve, id) || !solve_is_protected(solve, id) ||
		    !(remover = remover_of(solve, id)))
			continue;
		solve_hide(solve, remover, HIDDEN_REMOVAL, "it would remove %s, which is protected",
			   solve_name(solve, id));
		any = true;
	}
	return any;
}

static int decide_with_files(struct solve *solve, struct error *err)
{
	do {
		if (run_solver(solve, err) < 0)
			return -1;
	} while (hide_missing(solve) || hide_removers(solve));
	return 0;
}

/* Can all that is chosen now come, and this be done, too? */
static bool may_insist(const struct solve *solve, const Queue *more)
{
	const Queue *steps = &solve->transaction->steps;
	Solver *solver = solve_new_solver(solve);
	bool result;
	Queue job;

	queue_init(&job);
	make_job(solve, &job);
	queue_insertn(&job, job.count, more->count, more->elements);
	for (int i = 0; i < steps->count; i++)
		if (!solve_is_installed(solve, steps->elements[i]))
			queue_push2(&job, SOLVER_INSTALL | SOLVER_SOLVABLE, steps->elements[i]);
	result = solver_solve(solver, &job) == 0;
	queue_free(&job);
	solver_free(solver);
	return result;
}

static int insist(struct solve *solve, const Queue *more, struct error *err)
{
	if (more->count == 0 || !may_insist(solve, more))
		return 0;
	queue_insertn(&solve->insisted, solve->insisted.count, more->count, more->elements);
	return decide_with_files(solve, err);
}

static int insist_on_candidate(struct solve *solve, Id candidate, struct error *err)
{
	struct digest digest;
	int result;
	Queue job;

	if (solve->hidden[candidate] || !solve_has_file(solve, candidate, &digest))
		return 0;
	queue_init(&job);
	queue_push2(&job, SOLVER_INSTALL | SOLVER_SOLVABLE, candidate);
	result = insist(solve, &job, err);
	queue_free(&job);
	return result;
}

/* libsolv keeps what is installed rather than update something else.  Where removals are allowed,
 * each update that stayed behind is asked for by itself, in the order of their names. */
static int decide_with_removals(struct solve *solve, struct error *err)
{
	int result = 0;
	Queue left;

	queue_init(&left);
	solve_list_left(solve, &left);
	for (int i = 0; i < left.count && result == 0; i += 2)
		result = insist_on_candidate(solve, left.elements[i + 1], err);
	queue_empty(&left);
	if (result == 0) {
		solve_list_surplus(solve, &left);
		result = insist(solve, &left, err);
	}
	queue_free(&left);
	return result;
}

int solve_decide(struct solve *solve, struct error *err)
{
	queue_init(&solve->insisted);
	if (decide_with_files(solve, err) < 0)
		return -1;
	return solve->request->allow_removals ? decide_with_removals(solve, err) : 0;
}
