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

/* What a lock, a stream, a priority or a vendor keeps away is as it should be once something comes;
 * what lacks something, or would take something away, is a fault that a person should know of. */
static bool is_missed(const struct solve *solve, Id installed, Id id)
{
	switch ((enum hidden)solve->hidden[id]) {
	case HIDDEN_NOT:
		return !solve_outranked_by(solve, installed, id) &&
		       !solve_changes_vendor(solve, installed, id);
	case HIDDEN_MISSING:
	case HIDDEN_REMOVAL:
		return true;
	case HIDDEN_EXCLUDED:
	case HIDDEN_MODULE:
	case HIDDEN_HELD:
	case HIDDEN_NEW:
		break;
	}
	return false;
}

/* The newest that is missed although something comes, or 0. */
static Id newest_missed(const struct solve *solve, Id installed, Id taken)
{
	Pool *pool = solve->pool;
	Id id, pp, found = 0;

	FOR_PROVIDES(id, pp, pool_id2solvable(pool, installed)->name)
	if (is_offered(solve, id) && solve_is_kin(solve, installed, id) &&
	    solve_compare_evr(solve, id, found ? found : taken) > 0 &&
	    is_missed(solve, installed, id))
		found = id;
	return found;
}

/* Of what is gone, or has a newer one of its name beside it, nothing is left behind. */
static Id left_for(const struct solve *solve, const Map *changed, Id installed)
{
	Id taken = solve_taken_for(solve, installed);

	if (has_newer_beside(solve, installed))
		return 0;
	if (taken)
		return newest_missed(solve, installed, taken);
	return MAPTST(changed, installed) ? 0 : newest_offered(solve, installed, installed);
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
		Id candidate = left_for(solve, &changed, id);

		if (candidate)
			queue_push2(ret, id, candidate);
	}
	map_free(&changed);
	if (ret->count)
		qsort_r(ret->elements, (size_t)ret->count / 2, 2 * sizeof *ret->elements,
			compare_pairs, (void *)(uintptr_t)solve);
}
