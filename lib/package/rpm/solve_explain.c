/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/memory.h"
#include "package/rpm/solve.h"

void solve_explain(const struct solve *solve, Id id, Id candidate, struct solve_why *ret)
{
	(void)id;
	if (solve->hidden[candidate] == HIDDEN_HELD)
		*ret = (struct solve_why){"held", xstrdup(solve->why[candidate])};
	else if (solve->hidden[candidate] == HIDDEN_MISSING)
		*ret = (struct solve_why){"not-on-mirror",
					  xstrdup("the index names it, but its package file is "
						  "not there")};
	else
		*ret = (struct solve_why){"depends", xstrdup("libsolv keeps it")};
}
