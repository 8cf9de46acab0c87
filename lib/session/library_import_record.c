/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of an import: overlays that hold nothing, on files that came from outside. */
#include <libgen.h>
#include <string.h>
#include <time.h>

#include "library/base.h"
#include "session/library_import.h"
#include "session/strings.h"

#define UNKNOWN_WAY "nothing is known about the way from the parent record's generation to this one"

static const json_t *disk_of(const struct import *import, size_t i)
{
	return json_array_get(json_object_get(import->result, "disks"), i);
}

static const char *top_digest(const struct import *import, size_t disk)
{
	const json_t *chain = json_object_get(disk_of(import, disk), "chain");

	return string_member(json_array_get(chain, 0), "digest");
}

static char *name_of(const char *path)
{
	CLEANUP_FREE char *copy = xstrdup(path);

	return xstrdup(basename(copy));
}

static int add_subjects(const struct import *import, struct record *record, struct error *err)
{
	for (size_t i = 0; i < import->request->n_paths; i++) {
		CLEANUP_FREE char *path = import_overlay_path(import, i);
		struct record_subject *file = ARRAY_ADD(record->subjects, record->n_subjects);
		struct record_subject *content;

		file->name = xasprintf("disk%zu.qcow2", i);
		if (digest_of_file(path, &file->digest, err) < 0)
			return -1;
		content = ARRAY_ADD(record->subjects, record->n_subjects);
		content->name = xasprintf("disk%zu.qcow2" RECORD_CONTENT_SUFFIX, i);
		if (!digest_from_hex(string_member(disk_of(import, i), "content"),
				     &content->digest))
			return error_set(err, ERROR_BUG, "import gave no content digest");
	}
	return 0;
}

static int add_parents(const struct import *import, struct record *record, struct error *err)
{
	for (size_t i = 0; i < import->request->n_paths; i++) {
		struct record_dependency *parent =
			ARRAY_ADD(record->dependencies, record->n_dependencies);

		parent->name = xstrdup("parent");
		parent->uri = name_of(import->request->paths[i]);
		if (!digest_from_hex(top_digest(import, i), &parent->digest))
			return error_set(err, ERROR_BUG, "import gave no digest");
	}
	return 0;
}

/* The generation that was current when this came in. */
static int add_parent_record(const struct import *import, struct record *record, struct error *err)
{
	const struct template_generation *current;
	struct record_dependency *parent;

	if (!import->into)
		return 0;
	current = template_find(import->template, -1, err);
	if (!current)
		return -1;
	parent = ARRAY_ADD(record->dependencies, record->n_dependencies);
	parent->name = xstrdup("parent-record");
	parent->uri = xstrdup("record.sigstore.json");
	parent->digest = current->digest;
	parent->annotations = json_object();
	json_put_string(parent->annotations, "note", UNKNOWN_WAY);
	return 0;
}

static void add_parameters(const struct import *import, struct record *record)
{
	const struct coldpatch_import_options *options = import->request->options;
	CLEANUP_FREE char *image = name_of(import->request->paths[0]);

	record->build_type = RECORD_IMPORT;
	record->external_parameters = json_object();
	json_put_string(record->external_parameters, "template", import->request->name);
	json_put_bytes(record->external_parameters, "image", image);
	json_put_bytes(record->external_parameters, "actor", options->actor);
	json_put_bytes(record->external_parameters, "reason", options->reason);
	record->internal_parameters = json_object();
	json_put_string(record->internal_parameters, "coldpatch", COLDPATCH_VERSION);
	record->builder = record_builder("import", "none");
	record->run_id = xstrdup(import->run);
	record->started = import->started;
	record->finished = time(NULL);
}

static struct record *make_record(const struct import *import, struct error *err)
{
	CLEANUP(record_free)
	struct record *record = xcalloc(1, sizeof *record);

	add_parameters(import, record);
	if (add_subjects(import, record, err) < 0 || add_parents(import, record, err) < 0 ||
	    add_parent_record(import, record, err) < 0)
		return NULL;
	return steal(record);
}

/* Where the bytes of a disk's base lie. */
static char *base_path(const struct import *import, size_t disk, struct error *err)
{
	CLEANUP(base_free)
	struct base *base = NULL;
	struct digest digest;

	digest_from_hex(top_digest(import, disk), &digest);
	base = base_load(import->library, &digest, err);
	return base ? xstrdup(base->path) : NULL;
}

static int sign(struct coldpatch_session *session, const struct import *import,
		const struct record *record, char **overlays, char **bases, struct error *err)
{
	CLEANUP_FREE char *signer = session_program(session, "coldpatch-sign");
	CLEANUP_FREE char *path = xasprintf("%s/record.sigstore.json", import->staging->path);
	size_t n = import->request->n_paths;
	const struct sign_request request = {
		.signer = signer,
		.key_path = import->key,
		.overlay_paths = (const char *const *)overlays,
		.n_overlays = n,
		.parent_paths = (const char *const *)bases,
		.n_parents = n,
		.monitor = &session->monitor,
	};

	for (size_t i = 0; i < n; i++) {
		overlays[i] = import_overlay_path(import, i);
		bases[i] = base_path(import, i, err);
		if (!bases[i])
			return -1;
	}
	return record_sign(record, &request, path, err);
}

int import_sign(struct coldpatch_session *session, const struct import *import, struct error *err)
{
	CLEANUP(record_free)
	struct record *record = make_record(import, err);
	size_t n = import->request->n_paths;
	char **overlays, **bases;
	int outcome;

	if (!record)
		return -1;
	monitor_progress(&session->monitor, "sign", NULL, 0, 0);
	overlays = xcalloc(n, sizeof *overlays);
	bases = xcalloc(n, sizeof *bases);
	outcome = sign(session, import, record, overlays, bases, err);
	names_free(overlays, n);
	names_free(bases, n);
	return outcome < 0 ? error_prefix(err, "record") : 0;
}
