/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <solv/chksum.h>
#include <string.h>

#include "base/memory.h"
#include "package/rpm/solve.h"

bool solve_is_package(const struct solve *solve, Id id)
{
	const Solvable *s = pool_id2solvable(solve->pool, id);

	return s->repo && s->arch != ARCH_SRC && s->arch != ARCH_NOSRC &&
	       !strchr(pool_id2str(solve->pool, s->name), ':');
}

bool solve_is_installed(const struct solve *solve, Id id)
{
	return pool_id2solvable(solve->pool, id)->repo == solve->installed;
}

const char *solve_name(const struct solve *solve, Id id)
{
	return pool_id2str(solve->pool, pool_id2solvable(solve->pool, id)->name);
}

const char *solve_arch(const struct solve *solve, Id id)
{
	return pool_id2str(solve->pool, pool_id2solvable(solve->pool, id)->arch);
}

const char *solve_evr(const struct solve *solve, Id id)
{
	const char *evr = pool_id2str(solve->pool, pool_id2solvable(solve->pool, id)->evr);

	return strncmp(evr, "0:", 2) == 0 ? evr + 2 : evr;
}

char *solve_label(const struct solve *solve, Id id)
{
	return xasprintf("%s-%s.%s", solve_name(solve, id), solve_evr(solve, id),
			 solve_arch(solve, id));
}

int solve_compare_evr(const struct solve *solve, Id a, Id b)
{
	const Pool *pool = solve->pool;

	return pool_evrcmp(pool, pool_id2solvable(pool, a)->evr, pool_id2solvable(pool, b)->evr,
			   EVRCMP_COMPARE);
}

bool solve_is_kin(const struct solve *solve, Id installed, Id other)
{
	const Solvable *a = pool_id2solvable(solve->pool, installed);
	const Solvable *b = pool_id2solvable(solve->pool, other);

	return a->name == b->name &&
	       (a->arch == b->arch || a->arch == ARCH_NOARCH || b->arch == ARCH_NOARCH);
}

const struct mirror_source *solve_source_of(const struct solve *solve, Id id)
{
	const Repo *repo = pool_id2solvable(solve->pool, id)->repo;

	for (size_t i = 0; i < solve->snapshot->n_sources; i++)
		if (solve->repos[i] == repo)
			return &solve->snapshot->sources[i];
	return NULL;
}

bool solve_has_file(const struct solve *solve, Id id, struct digest *ret)
{
	Id type = 0;
	const char *hex = solvable_lookup_checksum(pool_id2solvable(solve->pool, id),
						   SOLVABLE_CHECKSUM, &type);

	return hex &&
	       mirror_source_find(solve_source_of(solve, id), solv_chksum_type2str(type), hex,
				  ret) &&
	       mirror_snapshot_has_package(solve->snapshot, ret);
}
