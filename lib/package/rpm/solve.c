/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/rpm/solve.h"

#include <string.h>

#include "base/memory.h"

static bool is_suse(const struct guest *guest)
{
	const char *id = guest->os.id ? guest->os.id : "";
	const char *like = guest->os.id_like ? guest->os.id_like : "";

	return strncmp(id, "sle", 3) == 0 || strstr(id, "suse") || strstr(like, "suse");
}

/* As each distribution builds its libsolv. */
static int set_up(struct solve *solve, struct error *err)
{
	static const char *suse_vendors[] = {"openSUSE*", "SUSE*", NULL, NULL};
	const char *arch = solve->guest->packages.architecture;

	if (!arch)
		return error_set(err, ERROR_BUG, "resolving needs the guest's architecture");
	solve->pool = pool_create();
	pool_setdisttype(solve->pool, DISTTYPE_RPM);
	pool_setarch(solve->pool, arch);
	pool_set_flag(solve->pool, POOL_FLAG_WHATPROVIDESWITHDISABLED, 1);
	if (is_suse(solve->guest))
		pool_setvendorclasses(solve->pool, suse_vendors);
	else
		pool_set_flag(solve->pool, POOL_FLAG_IMPLICITOBSOLETEUSESCOLORS, 1);
	return 0;
}

static int index_pool(struct solve *solve, struct error *err)
{
	Queue added, added_installed;
	int result;

	queue_init(&added);
	queue_init(&added_installed);
	pool_addfileprovides_queue(solve->pool, &added, &added_installed);
	for (int i = 0; i < added.count; i++)
		queue_pushunique(&added_installed, added.elements[i]);
	result = solve->late.kind ? -1 : solve_keep_file_provides(solve, &added_installed, err);
	queue_free(&added);
	queue_free(&added_installed);
	if (solve->late.kind)
		*err = solve->late;
	if (result < 0)
		return -1;
	pool_createwhatprovides(solve->pool);
	return 0;
}

static void prepare_hiding(struct solve *solve)
{
	size_t n = (size_t)solve->pool->nsolvables;

	solve->hidden = xcalloc(n, sizeof *solve->hidden);
	solve->why = xcalloc(n, sizeof *solve->why);
	solve->pool->considered = xcalloc(1, sizeof *solve->pool->considered);
	map_init(solve->pool->considered, (int)n);
	map_setall(solve->pool->considered);
}

int solve_open(struct solve *solve, const struct package_state *state, struct error *err)
{
	if (set_up(solve, err) < 0 || solve_add_installed(solve, state, err) < 0 ||
	    solve_add_repos(solve, err) < 0 || index_pool(solve, err) < 0)
		return -1;
	prepare_hiding(solve);
	map_init(&solve->told, solve->pool->nsolvables);
	solve_find_install_only(solve);
	solve_find_security(solve);
	return 0;
}

void solve_close(struct solve *solve)
{
	if (solve->transaction)
		transaction_free(solve->transaction);
	if (solve->solver)
		solver_free(solve->solver);
	queue_free(&solve->insisted);
	for (int i = 0; solve->why && i < solve->pool->nsolvables; i++)
		free(solve->why[i]);
	free(solve->why);
	free(solve->hidden);
	for (size_t i = 0; i < solve->n_labels; i++)
		free(solve->labels[i].text);
	free(solve->labels);
	map_free(&solve->told);
	map_free(&solve->install_only);
	map_free(&solve->security);
	if (solve->pool && solve->pool->considered) {
		map_free(solve->pool->considered);
		free(steal(solve->pool->considered));
	}
	if (solve->pool)
		pool_free(solve->pool);
	solve_free_repos(solve);
}
