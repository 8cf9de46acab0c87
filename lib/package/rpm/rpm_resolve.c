/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/rpm/rpm.h"
#include "package/rpm/solve.h"

static int resolve(struct solve *solve, const struct package_state *state, struct resolution *ret,
		   struct error *err)
{
	if (solve_open(solve, state, err) < 0)
		return -1;
	if (solve_hide_modules(solve, state, err) < 0)
		return -1;
	solve_hide_unwanted(solve);
	if (solve_decide(solve, err) < 0)
		return -1;
	return solve_report(solve, ret, err);
}

int rpm_resolve(const struct package_state *state, const struct guest *guest,
		const struct mirror_snapshot *snapshot, const struct resolve_request *request,
		const char *work_dir, struct resolution *ret, struct error *err)
{
	CLEANUP_RPM_RULES struct rpm_rules rules = {0};
	struct resolution resolution = {0};
	struct solve solve = {.guest = guest,
			      .snapshot = snapshot,
			      .request = request,
			      .rules = &rules,
			      .work_dir = work_dir};
	int result;

	rpm_rules_read(state, &rules);
	result = resolve(&solve, state, &resolution, err);
	solve_close(&solve);
	if (result < 0) {
		resolution_free(&resolution);
		return -1;
	}
	*ret = resolution;
	return 0;
}
