/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernels and what belongs to one are installed beside their older versions, so that the guest can
 * boot what it booted before.
 */
#include "package/rpm/solve.h"

/* dnf's and yum's own lists, and the parts that kernels have been split into. */
static const char *const everywhere[] = {
	"kernel",
	"kernel-PAE",
	"installonlypkg(kernel)",
	"installonlypkg(kernel-module)",
	"installonlypkg(vm)",
	"multiversion(kernel)",
	"kernel-core",
	"kernel-modules",
	"kernel-modules-core",
	"kernel-modules-extra",
	"kernel-devel",
	"kernel-debug",
	"kernel-debug-devel",
	"kernel-uek",
};

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
	for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++)
		add_providers(solve, everywhere[i]);
	for (size_t i = 0; i < solve->rules->n_install_only; i++)
		add_providers(solve, solve->rules->install_only[i]);
}

bool solve_is_install_only(const struct solve *solve, Id id)
{
	return MAPTST(&solve->install_only, id);
}
