/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's installonly_limit: where removals are allowed and another kernel comes, the oldest
 * ones go.  Never the one that the guest boots by default, and never the newest that was there,
 * which is the one known to work.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "package/rpm/solve.h"

static bool boots_by_default(const struct solve *solve, Id id)
{
	const char *kernel = solve->guest->boot.default_kernel, *evr = solve_evr(solve, id);
	const char *colon = strchr(evr, ':');
	CLEANUP_FREE char *release =
		xasprintf("%s.%s", colon ? colon + 1 : evr, solve_arch(solve, id));

	return kernel &&
	       (strcmp(kernel, release) == 0 || strcmp(kernel, colon ? colon + 1 : evr) == 0);
}

static int compare_versions(const void *a, const void *b, void *opaque)
{
	return solve_compare_evr(opaque, *(const Id *)a, *(const Id *)b);
}

/* Installed packages of this name and architecture, the oldest first. */
static void list_installed(const struct solve *solve, Id like, Queue *ret)
{
	Pool *pool = solve->pool;
	Id id, pp;

	FOR_PROVIDES(id, pp, pool_id2solvable(pool, like)->name)
	if (solve_is_installed(solve, id) &&
	    pool_id2solvable(pool, id)->name == pool_id2solvable(pool, like)->name &&
	    pool_id2solvable(pool, id)->arch == pool_id2solvable(pool, like)->arch)
		queue_push(ret, id);
	if (ret->count)
		qsort_r(ret->elements, (size_t)ret->count, sizeof *ret->elements, compare_versions,
			(void *)(uintptr_t)solve);
}

/* A kernel stays or goes with all its parts: those of another name have the same version. */
static void add_surplus(const struct solve *solve, Id new, Queue *jobs)
{
	int surplus;
	Queue old;

	queue_init(&old);
	list_installed(solve, new, &old);
	surplus = old.count + 1 - (int)solve->rules->install_only_limit;
	for (int i = 0; i < old.count - 1 && surplus > 0; i++) {
		if (solve->hidden[old.elements[i]] || boots_by_default(solve, old.elements[i]))
			continue;
		queue_push2(jobs, SOLVER_ERASE | SOLVER_SOLVABLE, old.elements[i]);
		surplus--;
	}
	queue_free(&old);
}

/* With an old one gone, libsolv would not bring the new one by itself. */
void solve_list_surplus(const struct solve *solve, Queue *ret)
{
	const Queue *steps = &solve->transaction->steps;

	if (!solve->rules->install_only_limit)
		return;
	for (int i = 0; i < steps->count; i++) {
		Id id = steps->elements[i];
		int before = ret->count;

		if (solve_is_installed(solve, id) || !solve_is_install_only(solve, id))
			continue;
		add_surplus(solve, id, ret);
		if (ret->count > before)
			queue_push2(ret, SOLVER_INSTALL | SOLVER_SOLVABLE, id);
	}
}
