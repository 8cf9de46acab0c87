/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * updateinfo: an advisory lists packages that fix something.  libsolv keeps each as a solvable with
 * a collection of names, versions and architectures.
 */
#include <string.h>

#include "base/memory.h"
#include "package/rpm/solve.h"

/* Calls `each` for every package of every advisory of the type "security". */
static void each_fix(const struct solve *solve,
		     void (*each)(const struct solve *solve, Id name, Id evr, Id arch,
				  void *opaque),
		     void *opaque)
{
	Pool *pool = solve->pool;
	Dataiterator di;

	dataiterator_init(&di, pool, NULL, 0, UPDATE_COLLECTION, NULL, 0);
	while (dataiterator_step(&di)) {
		const char *type = solvable_lookup_str(pool_id2solvable(pool, di.solvid),
						       SOLVABLE_PATCHCATEGORY);

		if (!type || strcmp(type, "security") != 0) {
			dataiterator_skip_solvable(&di);
			continue;
		}
		dataiterator_setpos(&di);
		each(solve, pool_lookup_id(pool, SOLVID_POS, UPDATE_COLLECTION_NAME),
		     pool_lookup_id(pool, SOLVID_POS, UPDATE_COLLECTION_EVR),
		     pool_lookup_id(pool, SOLVID_POS, UPDATE_COLLECTION_ARCH), opaque);
	}
	dataiterator_free(&di);
}

/* The newest installed package of this name and architecture, or 0. */
static Id installed_of(const struct solve *solve, Id name, Id arch)
{
	Pool *pool = solve->pool;
	Id id, pp, found = 0;

	FOR_PROVIDES(id, pp, name)
	{
		const Solvable *s = pool_id2solvable(pool, id);

		if (s->repo == solve->installed && s->name == name &&
		    (s->arch == arch || s->arch == ARCH_NOARCH || arch == ARCH_NOARCH) &&
		    (!found || solve_compare_evr(solve, id, found) > 0))
			found = id;
	}
	return found;
}

/* As `dnf upgrade --security`: what fixes something and is newer than what is installed, and any
 * version newer than that, for there the fix is in, too. */
static void add_fixes(const struct solve *solve, Id name, Id evr, Id arch, void *opaque)
{
	Pool *pool = solve->pool;
	Id old = installed_of(solve, name, arch), id, pp;
	Map *fixed = opaque;

	if (old && pool_evrcmp(pool, pool_id2solvable(pool, old)->evr, evr, EVRCMP_COMPARE) >= 0)
		return;
	FOR_PROVIDES(id, pp, name)
	{
		const Solvable *s = pool_id2solvable(pool, id);

		if (s->repo != solve->installed && s->name == name && s->arch == arch &&
		    pool_evrcmp(pool, s->evr, evr, EVRCMP_COMPARE) >= 0)
			MAPSET(fixed, id);
	}
}

void solve_find_security(struct solve *solve)
{
	map_init(&solve->security, solve->pool->nsolvables);
	each_fix(solve, add_fixes, &solve->security);
	for (Id id = 1; id < solve->pool->nsolvables; id++) {
		const struct mirror_source *source = solve_source_of(solve, id);

		if (source && source->security && solve_is_package(solve, id))
			MAPSET(&solve->security, id);
	}
}

bool solve_is_security(const struct solve *solve, Id id)
{
	return MAPTST(&solve->security, id);
}
