/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernels and what belongs to one are installed beside their older versions, so that the guest can
 * boot what it booted before.
 */
#include "package/rpm/install_only.h"
#include "package/rpm/solve.h"

static void add_providers(struct solve *solve, const char *capability)
{
	Pool *pool = solve->pool;
	Id dep = pool_str2id(pool, capability, 0), id, pp;

	if (!dep)
		return;
	FOR_PROVIDES(id, pp, dep)
	if (solve_is_package(solve, id))
		MAPSET(&solve->install_only, id);
}

void solve_find_install_only(struct solve *solve)
{
	map_init(&solve->install_only, solve->pool->nsolvables);
	for (size_t i = 0; rpm_install_only[i]; i++)
		add_providers(solve, rpm_install_only[i]);
	for (size_t i = 0; i < solve->rules->n_install_only; i++)
		add_providers(solve, solve->rules->install_only[i]);
}

bool solve_is_install_only(const struct solve *solve, Id id)
{
	return MAPTST(&solve->install_only, id);
}
