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

/* The newest that the mirror has for it and that is newer than `than`, or 0. */
static Id newest_offered(const struct solve *solve, Id installed, Id than)
{
	Pool *pool = solve->pool;
	Id id, pp, found = 0;

	FOR_PROVIDES(id, pp, pool_id2solvable(pool, installed)->name)
	if (is_offered(solve, id) && solve_is_kin(solve, installed, id) &&
	    solve_compare_evr(solve, id, found ? found : than) > 0)
		found = id;
	return found;
}

static bool has_newer_beside(const struct solve *solve, Id installed)
{
	Pool *pool = solve->pool;
	Id id, pp;

	FOR_PROVIDES(id, pp, pool_id2solvable(pool, installed)->name)
	if (solve_is_installed(solve, id) && solve_is_kin(solve, installed, id) &&
	    solve_compare_evr(solve, id, installed) > 0)
		return true;
	return false;
}

Id solve_taken_for(const struct solve *solve, Id installed)
{
	const Queue *steps = &solve->transaction->steps;
	Id found = 0;

	for (int i = 0; i < steps->count; i++) {
		Id id = steps->elements[i];

		if (!solve_is_installed(solve, id) && solve_is_kin(solve, installed, id) &&
		    solve_compare_evr(solve, id, found ? found : installed) > 0)
			found = id;
	}
	return found;
}

/* One newer than what is taken for it, whose file is not there; or 0. */
static Id newest_missing(const struct solve *solve, Id installed)
{
	Id taken = solve_taken_for(solve, installed);
	Id id = taken && !has_newer_beside(solve, installed)
			? newest_offered(solve, installed, taken)
			: 0;

	return id && solve->hidden[id] == HIDDEN_MISSING ? id : 0;
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
		Id candidate = is_settled(solve, &changed, id) ? newest_missing(solve, id)
							       : newest_offered(solve, id, id);

		if (candidate)
			queue_push2(ret, id, candidate);
	}
	map_free(&changed);
	if (ret->count)
		qsort_r(ret->elements, (size_t)ret->count / 2, 2 * sizeof *ret->elements,
			compare_pairs, (void *)(uintptr_t)solve);
}
