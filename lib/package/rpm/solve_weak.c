/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an installed package recommends and the guest does not have was left out by somebody: an
 * update does not bring it in (dnf's exclude_from_weak_autodetect, which is on by default).
 */
#include "package/rpm/solve.h"

/* A capability without its version, or 0 for a rich dependency. */
static Id plain_name(Pool *pool, Id dep)
{
	while (ISRELDEP(dep)) {
		const Reldep *rel = GETRELDEP(pool, dep);

		if (rel->flags > 7)
			return 0;
		dep = rel->name;
	}
	return dep;
}

static bool any_installed(const struct solve *solve, Id name)
{
	Pool *pool = solve->pool;
	Id id, pp;

	FOR_PROVIDES(id, pp, name)
	if (solve_is_installed(solve, id))
		return true;
	return false;
}

static void exclude_providers(const struct solve *solve, Id name, Queue *job)
{
	Pool *pool = solve->pool;
	Id id, pp;

	FOR_PROVIDES(id, pp, name)
	queue_push2(job, SOLVER_SOLVABLE | SOLVER_EXCLUDEFROMWEAK, id);
}

static void exclude_recommended(const struct solve *solve, Id installed, Queue *job)
{
	Queue deps;

	queue_init(&deps);
	solvable_lookup_deparray(pool_id2solvable(solve->pool, installed), SOLVABLE_RECOMMENDS,
				 &deps, 0);
	for (int i = 0; i < deps.count; i++) {
		Id name = plain_name(solve->pool, deps.elements[i]);

		if (name && !any_installed(solve, name))
			exclude_providers(solve, name, job);
	}
	queue_free(&deps);
}

static bool is_name_installed(const struct solve *solve, Id name)
{
	Pool *pool = solve->pool;
	Id id, pp;

	FOR_PROVIDES(id, pp, name)
	if (solve_is_installed(solve, id) && pool_id2solvable(pool, id)->name == name)
		return true;
	return false;
}

static void exclude_supplementing(const struct solve *solve, Id available, Queue *job)
{
	Pool *pool = solve->pool;
	Solvable *s = pool_id2solvable(pool, available);
	Queue deps;

	if (is_name_installed(solve, s->name))
		return;
	queue_init(&deps);
	solvable_lookup_deparray(s, SOLVABLE_SUPPLEMENTS, &deps, 0);
	for (int i = 0; i < deps.count; i++) {
		Id id, pp, dep = deps.elements[i];

		if (!plain_name(pool, dep))
			continue;
		FOR_PROVIDES(id, pp, dep)
		if (solve_is_installed(solve, id)) {
			queue_push2(job, SOLVER_SOLVABLE | SOLVER_EXCLUDEFROMWEAK, available);
			i = deps.count;
			break;
		}
	}
	queue_free(&deps);
}

void solve_add_weak_exclusions(const struct solve *solve, Queue *job)
{
	Pool *pool = solve->pool;

	for (Id id = 1; id < pool->nsolvables; id++) {
		const Solvable *s = pool_id2solvable(pool, id);

		if (!solve_is_package(solve, id))
			continue;
		if (solve_is_installed(solve, id) && s->recommends)
			exclude_recommended(solve, id, job);
		else if (!solve_is_installed(solve, id) && s->supplements)
			exclude_supplementing(solve, id, job);
	}
}
