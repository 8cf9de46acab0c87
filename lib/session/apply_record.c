/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what an apply did to the statement that is signed. */
#include <libgen.h>
#include <string.h>
#include <time.h>

#include "record/record.h"
#include "session/apply.h"
#include "session/package_purl.h"
#include "session/strings.h"

struct makings {
	struct coldpatch_session *session;
	const struct coldpatch_image *image;
	const struct coldpatch_apply_options *options;
	struct applied *applied;
	const struct destination *destination;
};

static char *name_of(const char *path)
{
	CLEANUP_FREE char *copy = xstrdup(path);

	return xstrdup(basename(copy));
}

static bool is_squashed(const struct makings *makings)
{
	return apply_is_squashed(makings->applied);
}

static const struct base *base_of(const struct makings *makings, size_t disk)
{
	return makings->destination->squash.bases[disk];
}

/* The file that a new overlay is backed by. */
static const char *backing_of(const struct makings *makings, size_t disk)
{
	return is_squashed(makings) ? base_of(makings, disk)->path : makings->image->disks[disk];
}

static int add_subjects(const struct makings *makings, struct record *record, struct error *err)
{
	const json_t *outputs = json_object_get(makings->applied->commit, "outputs");
	const struct digest *overlays;

	if (background_digests_wait(makings->applied->ahead.overlays, &makings->session->monitor,
				    &overlays, err) < 0)
		return -1;
	for (size_t i = 0; i < makings->image->n_disks; i++) {
		struct record_subject *file = ARRAY_ADD(record->subjects, record->n_subjects);
		struct record_subject *content;

		file->name = name_of(makings->options->outputs[i]);
		file->digest = overlays[i];
		content = ARRAY_ADD(record->subjects, record->n_subjects);
		content->name = xasprintf("%s" RECORD_CONTENT_SUFFIX, record->subjects[2 * i].name);
		if (!digest_from_hex(string_member(json_array_get(outputs, i), "content"),
				     &content->digest))
			return error_set(err, ERROR_BUG, "commit gave no content digest");
	}
	return 0;
}

static struct record_dependency *add_dependency(struct record *record, const char *name, char *uri,
						const struct digest *digest)
{
	struct record_dependency *dependency =
		ARRAY_ADD(record->dependencies, record->n_dependencies);

	dependency->name = xstrdup(name);
	dependency->uri = uri;
	dependency->digest = *digest;
	return dependency;
}

/* Of a template, the heads vouch for the file. */
static struct record *read_parent_record(const struct makings *makings, struct digest *ret_digest,
					 struct error *err)
{
	const struct template_generation *generation = makings->destination->resolved.generation;
	const char *path = makings->options->parent_record;
	CLEANUP(record_keys_free)
	struct record_keys *keys = session_open_keys(makings->session, err);

	if (!keys)
		return NULL;
	if (!generation)
		return record_read(path, keys, ret_digest, err);
	*ret_digest = generation->digest;
	return record_read_named(path, keys, &generation->digest, err);
}

/* The record that is named as the parent's must speak of the parent. */
static int add_parent_record(const struct makings *makings, const struct digest *parents,
			     struct record *record, struct error *err)
{
	const char *path = makings->options->parent_record;
	struct digest digest;
	CLEANUP(record_free)
	struct record *parent = read_parent_record(makings, &digest, err);

	if (!parent)
		return error_prefix(err, "parent record");
	for (size_t i = 0; i < makings->image->n_disks; i++) {
		const struct record_subject *subject = record_overlay(parent, i);

		if (!subject || !digest_equal(&subject->digest, &parents[i]))
			return error_set(err, ERROR_TRUST, "parent record %s: does not speak of %s",
					 path, makings->image->disks[i]);
	}
	add_dependency(record, "parent-record", name_of(path), &digest);
	return 0;
}

static int add_parents(const struct makings *makings, struct record *record, struct error *err)
{
	const struct digest *digests;

	if (background_digests_wait(makings->applied->ahead.parents, &makings->session->monitor,
				    &digests, err) < 0)
		return -1;
	for (size_t i = 0; i < makings->image->n_disks; i++) {
		const struct digest *digest =
			is_squashed(makings) ? &base_of(makings, i)->digest : &digests[i];

		add_dependency(record, "parent", name_of(backing_of(makings, i)), digest);
	}
	return makings->options->parent_record ? add_parent_record(makings, digests, record, err)
					       : 0;
}

static json_t *source_annotations(const struct mirror_source *source)
{
	json_t *annotations = json_object();

	json_put_bytes(annotations, "origin", source->origin);
	json_put_bytes(annotations, "suite", source->suite);
	json_put_bytes(annotations, "signer", source->signer);
	json_put_u64(annotations, "date", source->date);
	return annotations;
}

static void add_snapshot(const struct mirror_snapshot *snapshot, struct record *record)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&snapshot->digest, hex);
	add_dependency(record, "mirror-snapshot", xstrdup(hex), &snapshot->digest);
	for (size_t i = 0; i < snapshot->n_sources; i++)
		add_dependency(record, "index", mirror_source_index(&snapshot->sources[i]),
			       &snapshot->sources[i].index)
			->annotations = source_annotations(&snapshot->sources[i]);
}

static void add_packages(const struct plan *plan, struct record *record)
{
	for (size_t i = 0; i < plan->resolution.n_changes; i++) {
		const struct package_change *change = &plan->resolution.changes[i];
		struct record_dependency *dependency;

		if (!change->to)
			continue;
		dependency = add_dependency(record, "package", package_purl(plan, change),
					    &change->sha256);
		dependency->annotations = json_object();
		json_put_bytes(dependency->annotations, "replaces", change->from);
	}
}

static void add_byproduct(struct record *record, const char *name, const struct digest *digest)
{
	struct record_byproduct *byproduct = ARRAY_ADD(record->byproducts, record->n_byproducts);

	byproduct->name = xstrdup(name);
	byproduct->digest = *digest;
}

static int add_byproducts(const struct makings *makings, struct record *record, struct error *err)
{
	struct digest digest;

	plan_digest(makings->applied->prepared.plan, &digest);
	add_byproduct(record, "plan", &digest);
	if (!digest_from_hex(
		    string_member(json_object_get(makings->applied->layer, "layer"), "digest"),
		    &digest))
		return error_set(err, ERROR_BUG, "no layer digest");
	add_byproduct(record, "layer", &digest);
	if (digest_of_file(makings->applied->log_path, &digest, err) < 0)
		return -1;
	add_byproduct(record, "log", &digest);
	return 0;
}

static void add_parameters(const struct makings *makings, struct record *record)
{
	const struct prepared *prepared = &makings->applied->prepared;
	const json_t *run = json_object_get(makings->applied->layer, "run");
	CLEANUP_FREE char *image = name_of(makings->image->disks[0]);

	record->external_parameters = json_object();
	json_put_bytes(record->external_parameters, "image", image);
	if (makings->destination->resolved.template)
		json_put_string(record->external_parameters, "template",
				makings->destination->resolved.name);
	json_put_string(record->external_parameters, "patchset", prepared->plan->patchset_name);
	json_put_digest(record->external_parameters, "patchset_digest", &prepared->plan->patchset);
	json_put_bytes(record->external_parameters, "actor", makings->options->actor);
	json_put_bytes(record->external_parameters, "reason", makings->options->reason);
	record->internal_parameters = json_object();
	json_put_string(record->internal_parameters, "executor", string_member(run, "executor"));
	json_put_string(record->internal_parameters, "accelerator",
			string_member(run, "accelerator"));
	if (json_is_string(json_object_get(run, "appliance"))) {
		json_put_string(record->internal_parameters, "appliance",
				string_member(run, "appliance"));
		json_put_string(record->internal_parameters, "applianceKernel",
				string_member(run, "appliance_kernel"));
	}
	if (is_squashed(makings))
		json_put(record->internal_parameters, "squashed",
			 squash_layers_to_json(&makings->destination->squash));
	if (json_array_size(json_object_get(run, "warnings")))
		json_put(record->internal_parameters, "warnings",
			 json_incref(json_object_get(run, "warnings")));
	if (prepared->plan->n_care)
		json_put(record->internal_parameters, "care", plan_care_to_json(prepared->plan));
	json_put_string(record->internal_parameters, "network", "none");
	json_put_string(record->internal_parameters, "coldpatch", COLDPATCH_VERSION);
	record->builder =
		record_builder(string_member(run, "executor"), string_member(run, "accelerator"));
	record->run_id = xstrdup(prepared->run);
	record->started = makings->applied->started;
	record->finished = time(NULL);
}

static struct record *make_record(const struct makings *makings, struct error *err)
{
	CLEANUP(record_free)
	struct record *record = xcalloc(1, sizeof *record);

	add_parameters(makings, record);
	if (add_subjects(makings, record, err) < 0 || add_parents(makings, record, err) < 0)
		return NULL;
	add_snapshot(makings->applied->prepared.snapshot, record);
	add_packages(makings->applied->prepared.plan, record);
	if (add_byproducts(makings, record, err) < 0)
		return NULL;
	return steal(record);
}

static int sign(const struct makings *makings, const struct record *record, const char *path,
		struct error *err)
{
	const struct apply_ahead *ahead = &makings->applied->ahead;
	size_t n = makings->image->n_disks;
	CLEANUP_FREE char *signer = session_program(makings->session, "coldpatch-sign");
	const char **parents = xcalloc(n, sizeof *parents);
	struct sign_request request = {
		.signer = signer,
		.key_path = makings->options->key ? makings->options->key
						  : makings->session->config.key,
		.overlay_paths = (const char *const *)ahead->overlay_paths,
		.n_overlays = n,
		.parent_paths = parents,
		.n_parents = n,
		.monitor = &makings->session->monitor,
		.ahead = ahead->signing,
	};
	int result;

	for (size_t i = 0; i < n; i++)
		parents[i] = backing_of(makings, i);
	result = record_sign(record, &request, path, err);
	free(parents);
	return result;
}

int apply_sign(struct coldpatch_session *session, struct applied *applied, const char *path,
	       struct error *err)
{
	const struct destination *destination = &applied->destination;
	const struct makings makings = {session, &destination->resolved.image,
					&destination->options, applied, destination};
	CLEANUP(record_free)
	struct record *record = make_record(&makings, err);

	if (!record)
		return -1;
	return sign(&makings, record, path, err);
}
