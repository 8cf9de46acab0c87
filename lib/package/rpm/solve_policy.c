/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/rpm/solve.h"

Id solve_outranked_by(const struct solve *solve, Id installed, Id candidate)
{
	Pool *pool = solve->pool;
	const struct mirror_source *of = solve_source_of(solve, candidate);
	Id other, pp;

	FOR_PROVIDES(other, pp, pool_id2solvable(pool, candidate)->name)
	{
		const struct mirror_source *source = solve_source_of(solve, other);

		if (source && !solve->hidden[other] && source->priority < of->priority &&
		    solve_is_kin(solve, installed, other))
			return other;
	}
	return 0;
}

Id solve_vendor(const struct solve *solve, Id id)
{
	const Solvable *solvable = pool_id2solvable(solve->pool, id);

	return solvable->vendor ? solvable->vendor : ID_EMPTY;
}

bool solve_changes_vendor(const struct solve *solve, Id installed, Id candidate)
{
	Pool *pool = solve->pool;
	Id old = solve_vendor(solve, installed), new = solve_vendor(solve, candidate);

	return !solve->rules->vendor_change && old != new &&
	       !(pool_vendor2mask(pool, old) & pool_vendor2mask(pool, new));
}
