/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "package/rpm/solve.h"

/* What a module stream keeps away is no update; it is told to who asks for it by name. */
static bool is_kept_away(const struct solve *solve, Id id)
{
	return solve->hidden[id] == HIDDEN_EXCLUDED ||
	       (solve->hidden[id] == HIDDEN_MODULE && !MAPTST(&solve->told, id) &&
		solve->request->scope != RESOLVE_NAMED);
}

static bool is_offered(const struct solve *solve, Id id)
{
	return solve_is_package(solve, id) && !solve_is_installed(solve, id) &&
	       !is_kept_away(solve, id) && solve_is_in_scope(solve, id);
}

/* The newest that the mirror has for it, or 0. */
static Id newest_offered(const struct solve *solve, Id installed)
{
	Pool *pool = solve->pool;
	Id id, pp, found = 0;

	FOR_PROVIDES(id, pp, pool_id2solvable(pool, installed)->name)
	if (is_offered(solve, id) && solve_is_kin(solve, installed, id) &&
	    solve_compare_evr(solve, id, found ? found : installed) > 0)
		found = id;
	return found;
}

/* Is it gone, or is a newer one of its name there, before or after? */
static bool is_settled(const struct solve *solve, const Map *changed, Id installed)
{
	Pool *pool = solve->pool;
	Id id, pp;

	if (MAPTST(changed, installed))
		return true;
	FOR_PROVIDES(id, pp, pool_id2solvable(pool, installed)->name)
	if ((solve_is_installed(solve, id) || MAPTST(changed, id)) &&
	    solve_is_kin(solve, installed, id) && solve_compare_evr(solve, id, installed) > 0)
		return true;
	return false;
}

static int compare_pairs(const void *a, const void *b, void *opaque)
{
	const struct solve *solve = opaque;
	Id x = *(const Id *)a, y = *(const Id *)b;
	int order = strcmp(solve_name(solve, x), solve_name(solve, y));

	return order ? order : strcmp(solve_arch(solve, x), solve_arch(solve, y));
}

void solve_list_left(const struct solve *solve, Queue *ret)
{
	const Queue *steps = &solve->transaction->steps;
	Map changed;
	Solvable *s;
	Id id;

	map_init(&changed, solve->pool->nsolvables);
	for (int i = 0; i < steps->count; i++)
		MAPSET(&changed, steps->elements[i]);
	FOR_REPO_SOLVABLES(solve->installed, id, s)
	{
		Id candidate = is_settled(solve, &changed, id) ? 0 : newest_offered(solve, id);

		if (candidate)
			queue_push2(ret, id, candidate);
	}
	map_free(&changed);
	if (ret->count)
		qsort_r(ret->elements, (size_t)ret->count / 2, 2 * sizeof *ret->elements,
			compare_pairs, (void *)(uintptr_t)solve);
}
