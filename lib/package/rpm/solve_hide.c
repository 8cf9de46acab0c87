/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/memory.h"
#include "package/rpm/solve.h"

/* The first reason stays: the order of the calls is that of what a person would want to know. */
void solve_hide(struct solve *solve, Id id, enum hidden reason, const char *fmt, ...)
{
	va_list args;

	if (solve->hidden[id])
		return;
	solve->hidden[id] = reason;
	MAPCLR(solve->pool->considered, id);
	if (!fmt)
		return;
	va_start(args, fmt);
	if (vasprintf(&solve->why[id], fmt, args) < 0)
		abort();
	va_end(args);
}

static struct rpm_nevra nevra_of(const struct solve *solve, Id id)
{
	return (struct rpm_nevra){.name = solve_name(solve, id),
				  .evr = solve_evr(solve, id),
				  .architecture = solve_arch(solve, id)};
}

static void hide_excluded(struct solve *solve, Id id)
{
	const struct mirror_source *source = solve_source_of(solve, id);
	struct rpm_nevra package = nevra_of(solve, id);

	for (size_t i = 0; source && i < source->n_excludes; i++)
		if (rpm_pattern_matches(source->excludes[i], &package))
			solve_hide(solve, id, HIDDEN_EXCLUDED, NULL);
}

static void hide_held(struct solve *solve, Id id)
{
	const struct resolve_request *request = solve->request;
	struct rpm_nevra package = nevra_of(solve, id);

	for (size_t i = 0; i < request->n_holds; i++)
		if (rpm_hold_matches(request->holds[i], &package))
			solve_hide(solve, id, HIDDEN_HELD, "held by the patchset: %s",
				   request->holds[i]);
}

/* Locks say which versions may be there; what is installed is there already. */
static void hide_ruled_out(struct solve *solve, Id id)
{
	struct rpm_nevra package = nevra_of(solve, id);
	const struct rpm_rule *lock = NULL;
	bool installed = solve_is_installed(solve, id), allowed = false;

	for (size_t i = 0; i < solve->rules->n_items; i++) {
		const struct rpm_rule *rule = &solve->rules->items[i];
		bool matches = rpm_pattern_matches(rule->pattern, &package);

		if (rule->kind == RPM_RULE_EXCLUDE && matches)
			solve_hide(solve, id, HIDDEN_HELD, "held in the guest by %s: %s",
				   rule->from, rule->pattern);
		if (rule->kind == RPM_RULE_NOT && matches && !installed)
			solve_hide(solve, id, HIDDEN_HELD, "kept out in the guest by %s: !%s",
				   rule->from, rule->pattern);
		if (rule->kind != RPM_RULE_LOCK ||
		    (!matches && !rpm_pattern_names(rule->pattern, package.name)))
			continue;
		lock = rule;
		allowed = allowed || matches;
	}
	if (lock && !allowed && !installed)
		solve_hide(solve, id, HIDDEN_HELD, "locked in the guest by %s: %s", lock->from,
			   lock->pattern);
}

static void hide_not_included(struct solve *solve, Id id)
{
	struct rpm_nevra package = nevra_of(solve, id);
	const struct rpm_rule *rule = rpm_rules_not_included(solve->rules, &package);

	if (rule)
		solve_hide(solve, id, HIDDEN_HELD,
			   "held in the guest by %s: it is not among includepkgs", rule->from);
}

/* The lock that an installed package fulfils. */
static const struct rpm_rule *lock_of(const struct solve *solve, Id id)
{
	struct rpm_nevra package = nevra_of(solve, id);

	for (size_t i = 0; i < solve->rules->n_items; i++)
		if (solve->rules->items[i].kind == RPM_RULE_LOCK &&
		    rpm_pattern_matches(solve->rules->items[i].pattern, &package))
			return &solve->rules->items[i];
	return NULL;
}

/* What is locked must not be replaced by a package of another name either. */
static void hide_obsoleters(struct solve *solve, Id locked, const struct rpm_rule *lock)
{
	Pool *pool = solve->pool;
	Solvable *target = pool_id2solvable(pool, locked);

	for (Id id = 1; id < pool->nsolvables; id++) {
		const Solvable *s = pool_id2solvable(pool, id);

		if (!s->repo || s->repo == solve->installed || !s->obsoletes ||
		    s->name == target->name)
			continue;
		for (Id *dep = s->repo->idarraydata + s->obsoletes; *dep; dep++)
			if (pool_match_nevr(pool, target, *dep))
				solve_hide(solve, id, HIDDEN_HELD,
					   "it replaces %s, locked in the guest by %s: %s",
					   solve_name(solve, locked), lock->from, lock->pattern);
	}
}

static bool has_kin_installed(const struct solve *solve, Id id)
{
	Pool *pool = solve->pool;
	Id other, pp;

	FOR_PROVIDES(other, pp, pool_id2solvable(pool, id)->name)
	if (solve_is_installed(solve, other) && solve_is_kin(solve, other, id))
		return true;
	return false;
}

void solve_hide_unwanted(struct solve *solve)
{
	Pool *pool = solve->pool;
	const struct rpm_rule *lock;

	for (Id id = 1; id < pool->nsolvables; id++) {
		if (!solve_is_package(solve, id))
			continue;
		if (!solve_is_installed(solve, id))
			hide_excluded(solve, id);
		hide_held(solve, id);
		hide_ruled_out(solve, id);
		hide_not_included(solve, id);
		if (!solve->request->allow_new && !solve_is_installed(solve, id) &&
		    !has_kin_installed(solve, id))
			solve_hide(solve, id, HIDDEN_NEW, NULL);
	}
	for (Id id = 1; solve->rules->n_items && id < pool->nsolvables; id++)
		if (solve_is_package(solve, id) && solve_is_installed(solve, id) &&
		    (lock = lock_of(solve, id)))
			hide_obsoleters(solve, id, lock);
}
