/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why an installed package stays.  What hides its candidate is known; for the rest libsolv is asked
 * to install the candidate alone, once as it is allowed to and once with leave to remove, and its
 * problem is put into words.
 */
#include <string.h>

#include "base/memory.h"
#include "package/rpm/solve.h"

static bool explain_hidden(const struct solve *solve, Id id, Id candidate, struct solve_why *ret)
{
	const char *why = solve->why[candidate];

	switch ((enum hidden)solve->hidden[candidate]) {
	case HIDDEN_HELD:
		*ret = (struct solve_why){"held", xstrdup(why)};
		return true;
	case HIDDEN_MISSING:
		*ret = (struct solve_why){"not-on-mirror",
					  xstrdup("the index names it, but its package file is "
						  "not there")};
		return true;
	case HIDDEN_REMOVAL:
		*ret = (struct solve_why){"would-remove", xstrdup(why)};
		return true;
	case HIDDEN_MODULE:
		*ret = (struct solve_why){"pinned", xstrdup(why)};
		return true;
	case HIDDEN_NOT:
	case HIDDEN_EXCLUDED:
	case HIDDEN_NEW:
		break;
	}
	if (solve->hidden[id] != HIDDEN_HELD)
		return false;
	*ret = (struct solve_why){"held", xstrdup(solve->why[id])};
	return true;
}

/* As its index calls it; where that is silent, by its place among the sources. */
static char *name_of(const struct solve *solve, const struct mirror_source *source)
{
	const char *name = source->label ? source->label : source->origin;

	if (!name)
		name = source->codename ? source->codename : source->suite;
	return name ? xstrdup(name)
		    : xasprintf("source %zu", (size_t)(source - solve->snapshot->sources) + 1);
}

static void describe_priority(const struct solve *solve, const struct mirror_source *first,
			      const struct mirror_source *second, Id has, struct solve_why *ret)
{
	CLEANUP_FREE char *one = name_of(solve, first), *other = name_of(solve, second);

	ret->reason = "pinned";
	ret->detail = xasprintf("%s, which has %s, has priority over %s", one,
				solve_evr(solve, has), other);
}

static bool explain_priority(const struct solve *solve, Id id, Id candidate, struct solve_why *ret)
{
	Id other = solve_outranked_by(solve, id, candidate);

	if (other)
		describe_priority(solve, solve_source_of(solve, other),
				  solve_source_of(solve, candidate), other, ret);
	return other != 0;
}

static bool explain_vendor(const struct solve *solve, Id id, Id candidate, struct solve_why *ret)
{
	Pool *pool = solve->pool;

	if (!solve_changes_vendor(solve, id, candidate))
		return false;
	ret->reason = "pinned";
	ret->detail = xasprintf("it is of the vendor \"%s\", the installed one of \"%s\"",
				pool_id2str(pool, solve_vendor(solve, candidate)),
				pool_id2str(pool, solve_vendor(solve, id)));
	return true;
}

/* How a sentence names the package that it is about: the candidate goes without saying. */
static char *subject_of(const struct solve *solve, Id candidate, Id id)
{
	CLEANUP_FREE char *label = id == candidate ? NULL : solve_label(solve, id);

	return label ? xasprintf("%s ", label) : xstrdup("");
}

static char *why_hidden(const struct solve *solve, Id id)
{
	CLEANUP_FREE char *label = solve_label(solve, id);

	switch ((enum hidden)solve->hidden[id]) {
	case HIDDEN_MISSING:
		return xasprintf("; the file of %s is not on the mirror", label);
	case HIDDEN_NEW:
		return xasprintf("; %s is new, and new packages are not allowed",
				 solve_name(solve, id));
	case HIDDEN_EXCLUDED:
		return xasprintf("; %s is not taken from the mirror, as configured", label);
	case HIDDEN_HELD:
	case HIDDEN_REMOVAL:
	case HIDDEN_MODULE:
		return xasprintf("; %s: %s", label, solve->why[id]);
	case HIDDEN_NOT:
		break;
	}
	return xasprintf("; there is %s", label);
}

/* The best that is known of what could have met `dep`, or of what has its name. */
static char *about_providers(const struct solve *solve, Id dep)
{
	Pool *pool = solve->pool;
	Id name = dep, id, pp, found = 0;

	FOR_PROVIDES(id, pp, dep)
	if (solve->hidden[id] && !solve_is_installed(solve, id) &&
	    (!found || solve_compare_evr(solve, id, found) > 0))
		found = id;
	while (!found && ISRELDEP(name) && GETRELDEP(pool, name)->flags < 8)
		name = GETRELDEP(pool, name)->name;
	if (!found && !ISRELDEP(name))
		FOR_PROVIDES(id, pp, name)
	if (!solve_is_installed(solve, id) && (!found || solve_compare_evr(solve, id, found) > 0))
		found = id;
	return found ? why_hidden(solve, found) : xstrdup("");
}

struct rule {
	SolverRuleinfo type;
	Id source, target, dep;
	int rank; /* how much it says; 0: nothing */
};

static int rank_of(const struct solve *solve, const struct rule *rule)
{
	switch ((int)rule->type) {
	case SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP:
		return 9;
	case SOLVER_RULE_PKG_CONFLICTS:
	case SOLVER_RULE_PKG_SELF_CONFLICT:
		return 7;
	case SOLVER_RULE_PKG_OBSOLETES:
	case SOLVER_RULE_PKG_INSTALLED_OBSOLETES:
	case SOLVER_RULE_PKG_IMPLICIT_OBSOLETES:
		return 6;
	case SOLVER_RULE_PKG_REQUIRES:
		return solve_is_installed(solve, rule->source) ? 8 : 5;
	case SOLVER_RULE_INFARCH:
		return 4;
	case SOLVER_RULE_PKG_SAME_NAME:
		return 3;
	case SOLVER_RULE_PKG_NOT_INSTALLABLE:
		return 2;
	default:
		return 0;
	}
}

static struct rule read_rule(const struct solve *solve, Solver *solver, Id id)
{
	struct rule rule = {0};

	rule.type = solver_ruleinfo(solver, id, &rule.source, &rule.target, &rule.dep);
	rule.rank = rank_of(solve, &rule);
	return rule;
}

static struct rule best_rule(const struct solve *solve, Solver *solver)
{
	struct rule best = {0};
	Queue rules;

	queue_init(&rules);
	solver_findallproblemrules(solver, 1, &rules);
	for (int i = 0; i < rules.count; i++) {
		struct rule rule = read_rule(solve, solver, rules.elements[i]);

		if (rule.rank > best.rank)
			best = rule;
	}
	queue_free(&rules);
	return best;
}

/* What is needed may be there, but for another version of it that something else needs; or NULL. */
static char *about_versions(const struct solve *solve, Solver *solver)
{
	char *about = NULL;
	Queue rules;

	queue_init(&rules);
	solver_findallproblemrules(solver, 1, &rules);
	for (int i = 0; i < rules.count && !about; i++) {
		struct rule rule = read_rule(solve, solver, rules.elements[i]);
		CLEANUP_FREE char *one = NULL, *other = NULL;

		if (rule.type != SOLVER_RULE_PKG_SAME_NAME)
			continue;
		one = solve_label(solve, rule.source);
		other = solve_label(solve, rule.target);
		about = xasprintf("; %s cannot be installed beside %s", one, other);
	}
	queue_free(&rules);
	return about;
}

static void describe_need(const struct solve *solve, Solver *solver, Id candidate,
			  const struct rule *rule, struct solve_why *ret)
{
	CLEANUP_FREE char *subject = subject_of(solve, candidate, rule->source);
	bool stays = solve_is_installed(solve, rule->source);
	CLEANUP_FREE char *about = stays ? xstrdup("") : about_versions(solve, solver);
	bool nothing = rule->type == SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP;

	if (!about)
		about = about_providers(solve, rule->dep);
	ret->reason = stays ? "conflict" : "depends";
	ret->detail = xasprintf("%sneeds %s%s%s", subject, pool_dep2str(solve->pool, rule->dep),
				nothing ? ", which nothing on the mirror provides" : "", about);
}

static void describe_clash(const struct solve *solve, Id candidate, const struct rule *rule,
			   const char *verb, struct solve_why *ret)
{
	CLEANUP_FREE char *subject = subject_of(solve, candidate, rule->source);
	CLEANUP_FREE char *target = solve_label(solve, rule->target ? rule->target : rule->source);

	ret->reason = "conflict";
	ret->detail = rule->dep ? xasprintf("%s%s %s: %s", subject, verb,
					    pool_dep2str(solve->pool, rule->dep), target)
				: xasprintf("%s%s %s", subject, verb, target);
}

static void describe_other_architecture(const struct solve *solve, Id id, struct solve_why *ret)
{
	CLEANUP_FREE char *label = solve_label(solve, id);

	ret->reason = "conflict";
	ret->detail = xasprintf("%s stays, and both architectures are of one version", label);
}

static void describe(const struct solve *solve, Solver *solver, Id candidate, struct solve_why *ret)
{
	struct rule rule = best_rule(solve, solver);

	switch ((int)rule.type) {
	case SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP:
	case SOLVER_RULE_PKG_REQUIRES:
		describe_need(solve, solver, candidate, &rule, ret);
		break;
	case SOLVER_RULE_PKG_CONFLICTS:
	case SOLVER_RULE_PKG_SELF_CONFLICT:
		describe_clash(solve, candidate, &rule, "conflicts with", ret);
		break;
	case SOLVER_RULE_PKG_OBSOLETES:
	case SOLVER_RULE_PKG_INSTALLED_OBSOLETES:
	case SOLVER_RULE_PKG_IMPLICIT_OBSOLETES:
		describe_clash(solve, candidate, &rule, "obsoletes", ret);
		break;
	case SOLVER_RULE_PKG_SAME_NAME:
		describe_clash(solve, candidate, &rule, "cannot be installed beside", ret);
		break;
	case SOLVER_RULE_INFARCH:
		describe_other_architecture(solve, rule.source, ret);
		break;
	default:
		ret->reason = "conflict";
		ret->detail = xasprintf("libsolv: %s", solver_problem2str(solver, 1));
	}
}

/* Of the updates that come, those that are to stay when the candidate is tried: not what is taken
 * instead of it, which would be all that the solver complains of. */
static bool comes_besides(const struct solve *solve, Id candidate, Id step)
{
	return !solve_is_installed(solve, step) &&
	       (solve_is_install_only(solve, candidate) || !solve_is_kin(solve, step, candidate));
}

/* A solver that was asked to install the candidate; *ret_problems is what it says. */
static Solver *try_candidate(const struct solve *solve, Id candidate, bool removals, bool others,
			     int *ret_problems)
{
	Solver *solver = solve_new_solver(solve);
	const Queue *steps = &solve->transaction->steps;
	Queue job;

	queue_init(&job);
	queue_push2(&job, SOLVER_INSTALL | SOLVER_SOLVABLE, candidate);
	for (int i = 0; others && i < steps->count; i++)
		if (comes_besides(solve, candidate, steps->elements[i]))
			queue_push2(&job, SOLVER_INSTALL | SOLVER_SOLVABLE, steps->elements[i]);
	solve_add_policy(solve, removals, &job);
	solver_set_flag(solver, SOLVER_FLAG_IGNORE_RECOMMENDED, 1);
	*ret_problems = solver_solve(solver, &job);
	queue_free(&job);
	return solver;
}

/* A package that the solver removes and replaces by nothing, or 0. */
static Id removed_by(const struct solve *solve, Solver *solver)
{
	Transaction *transaction = solver_create_transaction(solver);
	Id found = 0;

	for (int i = 0; i < transaction->steps.count && !found; i++) {
		Id id = transaction->steps.elements[i];

		if (solve_is_installed(solve, id) && !transaction_obs_pkg(transaction, id))
			found = id;
	}
	transaction_free(transaction);
	return found;
}

static void explain_removal(const struct solve *solve, Id candidate, struct solve_why *ret)
{
	int problems;
	Solver *solver = try_candidate(solve, candidate, true, false, &problems);
	Id removed = problems ? 0 : removed_by(solve, solver);
	CLEANUP_FREE char *detail = NULL, *label = NULL;

	solver_free(solver);
	if (!removed)
		return;
	detail = ret->detail;
	label = solve_label(solve, removed);
	ret->reason = "would-remove";
	ret->detail = xasprintf("%s; %s would have to be removed", detail, label);
}

void solve_explain(const struct solve *solve, Id id, Id candidate, struct solve_why *ret)
{
	Solver *solver;
	int problems;

	if (explain_hidden(solve, id, candidate, ret) ||
	    explain_priority(solve, id, candidate, ret) ||
	    explain_vendor(solve, id, candidate, ret))
		return;
	solver = try_candidate(solve, candidate, false, false, &problems);
	if (problems) {
		describe(solve, solver, candidate, ret);
		explain_removal(solve, candidate, ret);
		solver_free(solver);
		return;
	}
	solver_free(solver);
	solver = try_candidate(solve, candidate, false, true, &problems);
	if (problems)
		describe(solve, solver, candidate, ret);
	else
		*ret = (struct solve_why){"conflict",
					  xstrdup("libsolv chooses other updates instead of it")};
	solver_free(solver);
}
