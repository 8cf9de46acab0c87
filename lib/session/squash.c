/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/squash.h"

#include <inttypes.h>

void squash_free(struct squash *squash)
{
	for (size_t i = 0; i < squash->n_bases; i++)
		base_free(squash->bases[i]);
	free(squash->bases);
	free(squash->layers);
	*squash = (struct squash){0};
}

/* Overlays with something in them, from `number` down to the base. */
static unsigned depth_of(const struct lineage *lineage, int64_t number)
{
	const struct lineage_step *step = lineage_step(lineage, number);
	unsigned depth = 0;

	while (step && step->record && step->record->build_type == RECORD_PATCH &&
	       depth < lineage->n) {
		depth++;
		step = lineage_step(lineage, step->below);
	}
	return depth;
}

static int refuse(const struct lineage_step *step, const char *why, struct error *err)
{
	return error_set(err, ERROR_MISSING, "generation %" PRIu64 ": %s", step->generation->number,
			 why);
}

/* Newest first, down to the import, which *ret is. */
static int collect_layers(const struct lineage *lineage, int64_t number, struct squash *squash,
			  const struct lineage_step **ret, struct error *err)
{
	const struct lineage_step *step = lineage_step(lineage, number), *before;

	while (step->record && step->record->build_type == RECORD_PATCH) {
		const struct digest *layer = lineage_byproduct(step, "layer");

		if (!layer)
			return refuse(step, "its record names no layer", err);
		before = lineage_step(lineage, step->before);
		if (!before || squash->n_layers == lineage->n)
			return refuse(step, "its record does not lead back to an import", err);
		*ARRAY_ADD(squash->layers, squash->n_layers) = *layer;
		step = before;
	}
	if (!step->record)
		return refuse(step, step->problem, err);
	*ret = step;
	return 0;
}

static void turn_around(struct digest *digests, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct digest first = digests[i];

		digests[i] = digests[n - 1 - i];
		digests[n - 1 - i] = first;
	}
}

static int load_bases(const struct library *library, const struct lineage_step *import,
		      size_t n_disks, struct squash *squash, struct error *err)
{
	const struct record_dependency *parent;

	for (size_t i = 0; (parent = record_dependency_named(import->record, "parent", i)); i++) {
		struct base *base = base_load(library, &parent->digest, err);

		if (!base)
			return -1;
		*ARRAY_ADD(squash->bases, squash->n_bases) = base;
		if (base_check_unchanged(base, err) < 0)
			return -1;
	}
	return squash->n_bases == n_disks ? 0 : refuse(import, "was made of other disks", err);
}

static int find(const struct library *library, const struct lineage *lineage, int64_t number,
		struct squash *squash, struct error *err)
{
	const struct lineage_step *import = NULL;

	if (collect_layers(lineage, number, squash, &import, err) < 0)
		return -1;
	turn_around(squash->layers, squash->n_layers);
	return load_bases(library, import, lineage_step(lineage, number)->generation->n_disks,
			  squash, err);
}

void squash_find(const struct library *library, const struct lineage *lineage, int64_t number,
		 struct squash *ret, char **ret_warning)
{
	struct squash squash = {.due = true};
	struct error problem = {0};

	if (depth_of(lineage, number) < library->policy.chain_depth)
		return;
	if (find(library, lineage, number, &squash, &problem) < 0) {
		squash_free(&squash);
		*ret_warning = xasprintf(SQUASH_NOT_MADE "%s", problem.msg);
		return;
	}
	*ret = squash;
}

json_t *squash_layers_to_json(const struct squash *squash)
{
	json_t *layers = json_array();

	for (size_t i = 0; i < squash->n_layers; i++) {
		char hex[DIGEST_HEX_SIZE];

		digest_to_hex(&squash->layers[i], hex);
		json_array_append_new(layers, json_string(hex));
	}
	return layers;
}

json_t *squash_to_json(const struct squash *squash)
{
	json_t *json = json_object(), *bases = json_array();

	for (size_t i = 0; i < squash->n_bases; i++) {
		CLEANUP_FREE char *name = base_overlay_backing(squash->bases[i]);
		json_t *base = json_object();

		json_put_string(base, "path", squash->bases[i]->path);
		json_put_string(base, "backing_name", name);
		json_array_append_new(bases, base);
	}
	json_put(json, "layers", squash_layers_to_json(squash));
	json_put(json, "bases", bases);
	return json;
}
