/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transaction as changes and steps, and the packages that it leaves as they are. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "mirror/repomd/href.h"
#include "package/rpm/solve.h"

struct entry {
	Id to, from;	/* 0: none */
	bool obsoleted; /* removed by what replaces it */
};

struct entries {
	struct entry *items;
	size_t n_items;
};

/* The installed package of the same name that `id` replaces, of its architecture if there is one.
 */
static Id replaced_by(const struct solve *solve, Id id)
{
	const Pool *pool = solve->pool;
	const Solvable *s = pool_id2solvable(pool, id);
	Id found = 0;
	Queue all;

	queue_init(&all);
	transaction_all_obs_pkgs(solve->transaction, id, &all);
	for (int i = 0; i < all.count; i++) {
		const Solvable *old = pool_id2solvable(pool, all.elements[i]);

		if (old->name == s->name && (!found || old->arch == s->arch))
			found = all.elements[i];
	}
	queue_free(&all);
	return found;
}

static bool is_replaced(const struct entries *entries, Id installed)
{
	for (size_t i = 0; i < entries->n_items; i++)
		if (entries->items[i].from == installed && entries->items[i].to)
			return true;
	return false;
}

static const struct solve *sorting;

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	Id xid = x->to ? x->to : x->from, yid = y->to ? y->to : y->from;
	int order = strcmp(solve_name(sorting, xid), solve_name(sorting, yid));

	if (!order)
		order = strcmp(solve_arch(sorting, xid), solve_arch(sorting, yid));
	return order ? order : solve_compare_evr(sorting, xid, yid);
}

static void collect(const struct solve *solve, struct entries *ret)
{
	const Queue *steps = &solve->transaction->steps;

	for (int i = 0; i < steps->count; i++)
		if (!solve_is_installed(solve, steps->elements[i]))
			*ARRAY_ADD(ret->items, ret->n_items) =
				(struct entry){.to = steps->elements[i],
					       .from = replaced_by(solve, steps->elements[i])};
	for (int i = 0; i < steps->count; i++) {
		Id id = steps->elements[i];

		if (solve_is_installed(solve, id) && !is_replaced(ret, id))
			*ARRAY_ADD(ret->items, ret->n_items) = (struct entry){
				.from = id,
				.obsoleted = transaction_obs_pkg(solve->transaction, id) != 0};
	}
	sorting = solve;
	if (ret->n_items)
		qsort(ret->items, ret->n_items, sizeof *ret->items, compare_entries);
}

/* "bash" of "bash-5.1.8-6.el9.src.rpm" */
static char *source_name(const struct solve *solve, Id id)
{
	Solvable *s = pool_id2solvable(solve->pool, id);
	const char *name = solvable_lookup_void(s, SOLVABLE_SOURCENAME)
				   ? NULL
				   : solvable_lookup_str(s, SOLVABLE_SOURCENAME);

	return xstrdup(name ? name : solve_name(solve, id));
}

static char *origin_of(const struct mirror_source *source)
{
	const char *name = source->codename ? source->codename : source->suite;

	if (!name)
		name = source->label;
	if (source->origin && name)
		return xasprintf("%s:%s", source->origin, name);
	return xstrdup(source->origin ? source->origin : name ? name : "");
}

static bool replaces_others(const struct solve *solve, Id id)
{
	return transaction_obs_pkg(solve->transaction, id) != 0;
}

static int fill_new(const struct solve *solve, Id id, struct package_change *to, struct error *err)
{
	Solvable *s = pool_id2solvable(solve->pool, id);
	const char *location = solvable_lookup_location(s, NULL);

	if (!location || !solve_has_file(solve, id, &to->sha256))
		return error_set(err, ERROR_MIRROR,
				 "the mirror's index says of %s-%s not where it is", to->name,
				 to->to);
	to->filename = href_place(location);
	to->origin = origin_of(solve_source_of(solve, id));
	to->size = solvable_lookup_num(s, SOLVABLE_DOWNLOADSIZE, 0);
	to->installed_size = solvable_lookup_num(s, SOLVABLE_INSTALLSIZE, 0);
	to->security = solve_is_security(solve, id);
	to->automatic =
		!to->from && !solve_is_install_only(solve, id) && !replaces_others(solve, id);
	return 0;
}

static int add_change(const struct solve *solve, const struct entry *entry,
		      struct resolution *resolution, struct error *err)
{
	struct package_change *to = ARRAY_ADD(resolution->changes, resolution->n_changes);
	Id id = entry->to ? entry->to : entry->from;

	to->name = xstrdup(solve_name(solve, id));
	to->architecture = xstrdup(solve_arch(solve, id));
	to->source = source_name(solve, id);
	if (entry->from) {
		to->from = xstrdup(solve_evr(solve, entry->from));
		to->old_installed_size = solvable_lookup_num(
			pool_id2solvable(solve->pool, entry->from), SOLVABLE_INSTALLSIZE, 0);
	}
	if (!entry->to)
		return 0;
	to->to = xstrdup(solve_evr(solve, entry->to));
	return fill_new(solve, entry->to, to, err);
}

static enum package_operation operation_of(const struct solve *solve, const struct entry *entry)
{
	if (!entry->to)
		return PACKAGE_REMOVE;
	return solve_is_install_only(solve, entry->to) ? PACKAGE_INSTALL_BESIDE : PACKAGE_UNPACK;
}

/* What is obsoleted goes with the step of what obsoletes it, and has none of its own. */
static void add_step(const struct solve *solve, const struct entries *entries, Id id,
		     struct resolution *resolution)
{
	for (size_t i = 0; i < entries->n_items; i++) {
		const struct entry *entry = &entries->items[i];

		if (entry->obsoleted || (entry->to ? entry->to : entry->from) != id)
			continue;
		*ARRAY_ADD(resolution->steps, resolution->n_steps) =
			(struct package_step){.operation = operation_of(solve, entry), .change = i};
		return;
	}
}

static void add_steps(struct solve *solve, const struct entries *entries,
		      struct resolution *resolution)
{
	const Queue *steps = &solve->transaction->steps;

	transaction_order(solve->transaction, 0);
	for (int i = 0; i < steps->count; i++)
		add_step(solve, entries, steps->elements[i], resolution);
}

static void add_left(const struct solve *solve, Id installed, Id candidate,
		     struct resolution *resolution)
{
	struct package_left *left = ARRAY_ADD(resolution->left, resolution->n_left);
	Id taken = solve_taken_for(solve, installed);
	struct solve_why why;

	solve_explain(solve, installed, candidate, &why);
	if (taken) {
		char *detail = why.detail;

		why.detail = xasprintf("%s; %s is taken instead", detail, solve_evr(solve, taken));
		free(detail);
	}
	*left = (struct package_left){
		.name = xstrdup(solve_name(solve, installed)),
		.architecture = xstrdup(solve_arch(solve, installed)),
		.installed = xstrdup(solve_evr(solve, installed)),
		.candidate = xstrdup(solve_evr(solve, candidate)),
		.reason = xstrdup(why.reason),
		.detail = why.detail,
	};
}

static void report_left(const struct solve *solve, struct resolution *resolution)
{
	Queue left;

	queue_init(&left);
	solve_list_left(solve, &left);
	for (int i = 0; i < left.count; i += 2)
		add_left(solve, left.elements[i], left.elements[i + 1], resolution);
	queue_free(&left);
}

int solve_report(struct solve *solve, struct resolution *ret, struct error *err)
{
	struct entries entries = {0};
	int result = 0;

	collect(solve, &entries);
	for (size_t i = 0; i < entries.n_items && result == 0; i++)
		result = add_change(solve, &entries.items[i], ret, err);
	if (result == 0) {
		add_steps(solve, &entries, ret);
		report_left(solve, ret);
		ret->without_documents = ret->n_changes && solve->rules->without_documents;
	}
	free(entries.items);
	return result;
}
