/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/library_lineage.h"

#include <string.h>

#include "base/text.h"
#include "library/base.h"

const struct lineage_step *lineage_step(const struct lineage *lineage, int64_t number)
{
	for (size_t i = 0; i < lineage->n; i++)
		if ((int64_t)lineage->steps[i].generation->number == number)
			return &lineage->steps[i];
	return NULL;
}

/* An update was made of some generation.  Where none has the record that it names, one of them has
 * another record than it had; an import may name one of elsewhere. */
static bool is_lost(const struct lineage_step *step)
{
	return !step->record ||
	       (step->before == LINEAGE_NONE && step->record->build_type == RECORD_PATCH);
}

const char *lineage_lost_why(const struct lineage_step *step)
{
	return step->problem ? step->problem : "no generation has the record that it was made of";
}

/* What a generation was made of has a lower number. */
struct lineage_way lineage_distance(const struct lineage *lineage, int64_t from, int64_t to)
{
	const struct lineage_step *step = lineage_step(lineage, from);

	for (size_t n = 1; step && (int64_t)step->generation->number > to; n++) {
		if (step->before == to)
			return (struct lineage_way){.n = n};
		if (is_lost(step))
			return (struct lineage_way){.n = n, .lost = step};
		step = lineage_step(lineage, step->before);
	}
	return (struct lineage_way){0};
}

struct lineage_way lineage_apart(const struct lineage *lineage, int64_t from, int64_t to)
{
	const struct lineage_step *step = lineage_step(lineage, from);
	struct lineage_way way = {0};

	for (; step && way.n < lineage->n; way.n++) {
		int64_t number = (int64_t)step->generation->number;
		struct lineage_way other = lineage_distance(lineage, to, number);

		if (number == to || (other.n && !other.lost))
			return (struct lineage_way){.n = way.n};
		if (is_lost(step) || !way.lost)
			way.lost = is_lost(step) ? step : other.lost;
		step = lineage_step(lineage, step->before);
	}
	return way.lost ? way : (struct lineage_way){0};
}

const struct digest *lineage_byproduct(const struct lineage_step *step, const char *name)
{
	for (size_t i = 0; step->record && i < step->record->n_byproducts; i++)
		if (!strcmp(step->record->byproducts[i].name, name))
			return &step->record->byproducts[i].digest;
	return NULL;
}

static int64_t find_before(const struct lineage *lineage, const struct lineage_step *step)
{
	const struct record_dependency *named =
		record_dependency_named(step->record, "parent-record", 0);

	for (size_t i = 0; named && i < lineage->n; i++)
		if (digest_equal(&lineage->steps[i].generation->digest, &named->digest))
			return (int64_t)lineage->steps[i].generation->number;
	return LINEAGE_NONE;
}

static bool has_overlays_of(const struct lineage_step *below, const struct lineage_step *step)
{
	const struct record_dependency *parent;
	size_t n = 0;

	if (below == step || !below->record)
		return false;
	for (; (parent = record_dependency_named(step->record, "parent", n)); n++) {
		const struct record_subject *overlay = record_overlay(below->record, n);

		if (!overlay || !digest_equal(&overlay->digest, &parent->digest))
			return false;
	}
	return n > 0;
}

/* Overlays of two imports of one file are equal: the one that this was made of comes first. */
static int64_t find_below(const struct lineage *lineage, const struct lineage_step *step)
{
	const struct lineage_step *before = lineage_step(lineage, step->before);

	if (before && has_overlays_of(before, step))
		return step->before;
	for (size_t i = 0; i < lineage->n; i++)
		if (has_overlays_of(&lineage->steps[i], step))
			return (int64_t)lineage->steps[i].generation->number;
	return LINEAGE_NONE;
}

/* A key that ended may sign nothing later, whatever head names it. */
static int check_signer(const struct template *template, const struct record_keys *keys,
			const struct lineage_step *step, struct error *err)
{
	struct template_signature signature = {step->record->key_id, step->record->finished, 0,
					       step->generation->record};

	for (size_t i = template->n_heads; i-- > 0;)
		if (template->heads[i].head &&
		    template->heads[i].head->generation == step->generation->number)
			signature.head = template->heads[i].number;
	return template_check_signer(template, keys, &signature, err);
}

/* Only the record knows how many there were: one that is gone leaves no gap before the last. */
static void count_disks(struct template_generation *generation, const struct record *record)
{
	size_t n = 0;

	while (record_overlay(record, n))
		n++;
	if (!generation->problem && !generation->pruned && n != generation->n_disks)
		generation->problem =
			xasprintf("%s: tells of %zu disk%s, there are %zu", generation->record, n,
				  plural(n), generation->n_disks);
}

static void read_step(const struct template *template, const struct record_keys *keys,
		      struct template_generation *generation, struct lineage_step *step)
{
	struct error problem = {0};

	step->generation = generation;
	step->before = step->below = LINEAGE_NONE;
	if (generation->record_problem) {
		step->problem = xstrdup(generation->record_problem);
		return;
	}
	step->record = record_read_named(generation->record, keys, &generation->digest, &problem);
	if (step->record && check_signer(template, keys, step, &problem) == 0) {
		count_disks(generation, step->record);
		return;
	}
	record_free(step->record);
	step->record = NULL;
	step->problem = xstrdup(problem.msg);
}

struct lineage *lineage_new(struct template *template, const struct record_keys *keys)
{
	struct lineage *lineage = xcalloc(1, sizeof *lineage);

	lineage->n = template->n_generations;
	lineage->steps = xcalloc(lineage->n, sizeof *lineage->steps);
	for (size_t i = 0; i < lineage->n; i++)
		read_step(template, keys, &template->generations[i], &lineage->steps[i]);
	for (size_t i = 0; i < lineage->n; i++) {
		struct lineage_step *step = &lineage->steps[i];

		if (!step->record)
			continue;
		step->before = find_before(lineage, step);
		step->below = find_below(lineage, step);
	}
	return lineage;
}

void lineage_free(struct lineage *lineage)
{
	if (!lineage)
		return;
	for (size_t i = 0; i < lineage->n; i++) {
		record_free(lineage->steps[i].record);
		free(lineage->steps[i].problem);
	}
	free(lineage->steps);
	free(lineage);
}

struct paths {
	char **items;
	size_t n;
};

static void paths_free(struct paths *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		free(paths->items[i]);
	free(paths->items);
}

static int add_bases(const struct library *library, const struct digest *digest,
		     struct paths *paths, struct error *err)
{
	CLEANUP_BASE_CHAIN struct base_chain chain = {0};

	if (base_chain_load(library, digest, &chain, err) < 0)
		return -1;
	for (size_t i = 0; i < chain.n; i++) {
		if (base_check_unchanged(chain.bases[i], err) < 0)
			return -1;
		*ARRAY_ADD(paths->items, paths->n) = xstrdup(chain.bases[i]->path);
	}
	return base_chain_check(&chain, err);
}

static int add_bases_of(const struct library *library, const struct lineage_step *step,
			struct paths *paths, struct error *err)
{
	const struct record_dependency *parent;

	for (size_t i = 0; (parent = record_dependency_named(step->record, "parent", i)); i++)
		if (add_bases(library, &parent->digest, paths, err) < 0)
			return -1;
	return 0;
}

static int add_below(const struct library *library, const struct lineage *lineage, int64_t number,
		     struct paths *paths, struct error *err)
{
	const struct lineage_step *step = lineage_step(lineage, number);

	for (size_t depth = 0; step && depth <= lineage->n; depth++) {
		if (!step->record || step->generation->problem)
			return error_set(err, ERROR_TRUST, "generation %lld: %s",
					 (long long)step->generation->number,
					 step->problem ? step->problem : step->generation->problem);
		if (step->below == LINEAGE_NONE)
			return add_bases_of(library, step, paths, err);
		step = lineage_step(lineage, step->below);
		for (size_t i = 0; i < step->generation->n_disks; i++)
			*ARRAY_ADD(paths->items, paths->n) = xstrdup(step->generation->disks[i]);
	}
	return error_set(err, ERROR_TRUST, "generation %lld: its records lead nowhere",
			 (long long)number);
}

int lineage_backing(const struct library *library, const struct lineage *lineage, int64_t number,
		    char ***ret, size_t *ret_n, struct error *err)
{
	struct paths paths = {0};

	if (add_below(library, lineage, number, &paths, err) < 0) {
		paths_free(&paths);
		return -1;
	}
	*ret = paths.items;
	*ret_n = paths.n;
	return 0;
}
