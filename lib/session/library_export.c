/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A generation as standalone files: task export makes and checks them in a workspace beside where
 * they go; the record is signed; then they are linked into place, the record last.
 *
 * The record holds the digest of the generation's record and not the record itself: the export
 * verifies alone, and whoever wants to know how the generation came to be asks for that file.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "disk/convert.h"
#include "session/change_summary.h"
#include "session/image.h"
#include "session/library_image.h"
#include "session/outputs.h"
#include "session/strings.h"
#include "session/task.h"

enum { EXPORT_MODE = 0640 }; /* it holds /etc/shadow */

struct export
{
	const struct coldpatch_export_options *options;
	struct resolved_image resolved;
	char *run;
	const char *key;
	int64_t started;
	char **outputs; /* one for each disk */
	size_t n_outputs;
	char *record;
	struct workspace *workspace; /* beside the first output */
	json_t *result;		     /* of task export */
};

static void export_free(struct export *export)
{
	json_decref(export->result);
	workspace_free(export->workspace);
	for (size_t i = 0; i < export->n_outputs; i++)
		free(export->outputs[i]);
	free(export->outputs);
	free(export->record);
	free(export->run);
	resolved_image_free(&export->resolved);
}

/* FILE for one disk; "dir/web.qcow2" is "dir/web-disk0.qcow2" and so on for several. */
static char *output_name(const char *file, size_t disk, size_t n_disks)
{
	const char *slash = strrchr(file, '/'), *dot = strrchr(file, '.');

	if (n_disks == 1)
		return xstrdup(file);
	if (!dot || dot <= (slash ? slash + 1 : file))
		dot = file + strlen(file);
	return xasprintf("%.*s-disk%zu%s", (int)(dot - file), file, disk, dot);
}

static void name_outputs(struct export *export)
{
	const struct coldpatch_export_options *options = export->options;
	size_t n = export->resolved.image.n_disks;

	for (size_t i = 0; i < n; i++)
		*ARRAY_ADD(export->outputs, export->n_outputs) = output_name(options->output, i, n);
	export->record = options->record ? xstrdup(options->record)
					 : xasprintf("%s.sigstore.json", options->output);
}

static const char *format_of(const struct coldpatch_export_options *options)
{
	return options->format ? options->format : "qcow2";
}

static int check_options(const struct coldpatch_export_options *options, struct error *err)
{
	const char *const strings[] = {options->output, options->record, options->actor,
				       options->reason, options->format, options->reference};
	enum image_format ignored;

	if (strings_check(strings, sizeof strings / sizeof *strings, "option", err) < 0)
		return -1;
	if (!options->output)
		return error_set(err, ERROR_USAGE, "no output was named");
	if (!image_export_format(format_of(options), &ignored))
		return error_set(err, ERROR_USAGE, "format %s: none of qcow2, raw, vmdk",
				 options->format);
	return 0;
}

/* What is to be made, as the checks of an apply's outputs know it. */
static struct coldpatch_apply_options as_outputs(const struct export *export)
{
	return (struct coldpatch_apply_options){
		.outputs = (const char *const *)export->outputs,
		.n_outputs = export->n_outputs,
		.record = export->record,
	};
}

static int prepare(struct coldpatch_session *session, struct export *export, struct error *err)
{
	const struct coldpatch_image image = {.size = sizeof image,
					      .template_name = export->options->reference};
	struct coldpatch_apply_options outputs;

	if (check_options(export->options, err) < 0 || !session_library(session, err) ||
	    image_resolve(session, &image, &export->resolved, err) < 0)
		return -1;
	name_outputs(export);
	outputs = as_outputs(export);
	if (outputs_check(&outputs, err) < 0)
		return -1;
	export->key = session_signing_key(session, export->options->key, err);
	return export->key ? 0 : -1;
}

static const struct lineage_step *step_of(const struct export *export)
{
	return lineage_step(export->resolved.lineage,
			    (int64_t) export->resolved.generation->number);
}

static char *staged_path(const struct export *export, size_t disk)
{
	const char *name = path_last(export->outputs[disk]);

	return path_join(export->workspace->path, name);
}

static int task_outputs(const struct export *export, json_t *list, struct error *err)
{
	const struct record *record = step_of(export)->record;

	for (size_t i = 0; i < export->n_outputs; i++) {
		const struct digest *content = record_content(record, i);
		CLEANUP_FREE char *path = staged_path(export, i);
		json_t *output;

		if (!content)
			return error_set(err, ERROR_TRUST,
					 "%s: its record has no content digest of disk %zu",
					 export->resolved.generation->record, i);
		output = json_object();
		json_put_string(output, "path", path);
		json_put_string(output, "format", format_of(export->options));
		json_put_digest(output, "content", content);
		json_array_append_new(list, output);
	}
	return 0;
}

static int make_files(struct coldpatch_session *session, struct export *export, struct error *err)
{
	const struct coldpatch_image *image = &export->resolved.image;
	CLEANUP_FREE char *janitor = session_program(session, "coldpatch-janitor");
	CLEANUP_FREE char *directory = outputs_directory(export->outputs[0]);
	CLEANUP_JSON json_t *input = json_object();
	json_t *subject = json_object(), *outputs = json_array();

	json_put(input, "image", subject);
	json_put(input, "outputs", outputs);
	export->workspace = workspace_new(directory, ".coldpatch", export->run, janitor, err);
	if (!export->workspace || task_outputs(export, outputs, err) < 0)
		return -1;
	json_put(subject, "disks", strings_to_json(image->disks, image->n_disks));
	json_put(subject, "backing", strings_to_json(image->backing, image->n_backing));
	json_put_string(subject, "work_dir", export->workspace->path);
	return task_run(session, "export", input, &export->result, err);
}

/* --- the record --- */

static int add_subject(const struct export *export, size_t disk, struct record *record,
		       struct error *err)
{
	const json_t *output = json_array_get(json_object_get(export->result, "outputs"), disk);
	struct record_subject *file = ARRAY_ADD(record->subjects, record->n_subjects);
	struct record_subject *content;

	file->name = xstrdup(path_last(export->outputs[disk]));
	file->sha512 = xstrdup(string_member(output, "sha512"));
	if (!digest_from_hex(string_member(output, "sha256"), &file->digest))
		return error_set(err, ERROR_BUG, "export gave no digest");
	content = ARRAY_ADD(record->subjects, record->n_subjects);
	content->name = xasprintf("%s" RECORD_CONTENT_SUFFIX, record->subjects[2 * disk].name);
	if (!digest_from_hex(string_member(output, "content"), &content->digest))
		return error_set(err, ERROR_BUG, "export gave no content digest");
	return 0;
}

static void add_generation(const struct export *export, struct record *record)
{
	const struct template_generation *generation = export->resolved.generation;
	struct record_dependency *one = ARRAY_ADD(record->dependencies, record->n_dependencies);

	one->name = xstrdup("generation-record");
	one->uri = xstrdup("record.sigstore.json");
	one->digest = generation->digest;
	one->annotations = json_object();
	json_put_string(one->annotations, "template", export->resolved.name);
	json_put_u64(one->annotations, "generation", generation->number);
}

static struct record *make_record(const struct export *export, struct error *err)
{
	CLEANUP(record_free)
	struct record *record = xcalloc(1, sizeof *record);

	record->build_type = RECORD_EXPORT;
	record->builder = record_builder("export", "none");
	record->run_id = xstrdup(export->run);
	record->started = export->started;
	record->finished = time(NULL);
	record->external_parameters = json_object();
	json_put_string(record->external_parameters, "template", export->resolved.name);
	json_put_u64(record->external_parameters, "generation",
		     export->resolved.generation->number);
	json_put_string(record->external_parameters, "format", format_of(export->options));
	json_put_bytes(record->external_parameters, "actor", export->options->actor);
	json_put_bytes(record->external_parameters, "reason", export->options->reason);
	record->internal_parameters = json_object();
	json_put_string(record->internal_parameters, "coldpatch", COLDPATCH_VERSION);
	for (size_t i = 0; i < export->n_outputs; i++)
		if (add_subject(export, i, record, err) < 0)
			return NULL;
	add_generation(export, record);
	return steal(record);
}

static int sign(struct coldpatch_session *session, const struct export *export,
		const char *const *staged, const char *path, struct error *err)
{
	CLEANUP(record_free)
	struct record *record = make_record(export, err);
	CLEANUP_FREE char *signer = session_program(session, "coldpatch-sign");
	const char *const parents[] = {export->resolved.generation->record};
	const struct sign_request request = {
		.signer = signer,
		.key_path = export->key,
		.overlay_paths = staged,
		.n_overlays = export->n_outputs,
		.parent_paths = parents,
		.n_parents = 1,
		.monitor = &session->monitor,
	};

	if (!record)
		return -1;
	monitor_progress(&session->monitor, "sign", NULL, 0, 0);
	if (record_sign(record, &request, path, err) < 0)
		return error_prefix(err, "record");
	return 0;
}

/* --- into place --- */

static int finish_files(const struct export *export, const char *const *staged, struct error *err)
{
	for (size_t i = 0; i < export->n_outputs; i++) {
		CLEANUP_CLOSE int fd = open(staged[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0 || fchmod(fd, EXPORT_MODE) < 0 || fsync(fd) < 0)
			return error_os(err, ERROR_IO, errno, "%s", staged[i]);
	}
	return 0;
}

static int sign_and_place(struct coldpatch_session *session, const struct export *export,
			  const char *const *staged, struct error *err)
{
	CLEANUP_FREE char *record = path_join(export->workspace->path, ".record");
	const struct coldpatch_apply_options outputs = as_outputs(export);

	if (finish_files(export, staged, err) < 0 || sign(session, export, staged, record, err) < 0)
		return -1;
	return outputs_publish(&outputs, staged, record, err);
}

static int make(struct coldpatch_session *session, struct export *export, struct error *err)
{
	char **staged;
	int result;

	if (make_files(session, export, err) < 0)
		return -1;
	staged = xcalloc(export->n_outputs, sizeof *staged);
	for (size_t i = 0; i < export->n_outputs; i++)
		staged[i] = staged_path(export, i);
	result = sign_and_place(session, export, (const char *const *)staged, err);
	for (size_t i = 0; i < export->n_outputs; i++)
		free(staged[i]);
	free(staged);
	return result;
}

static json_t *summarise(const struct export *export)
{
	bool dry_run = export->options->dry_run;
	json_t *summary = change_summary(export->run, export->resolved.name, !dry_run,
					 dry_run ? "would be exported" : "exported",
					 export->resolved.generation, NULL);

	json_put_bytes(summary, "record", export->record);
	json_put(summary, "outputs",
		 strings_to_json((const char *const *)export->outputs, export->n_outputs));
	json_put(summary, "files",
		 export->result ? json_incref(json_object_get(export->result, "outputs"))
				: json_array());
	return summary;
}

int coldpatch_template_export(struct coldpatch_session *session,
			      const struct coldpatch_export_options *options, char **ret_json,
			      struct coldpatch_error *ret_err)
{
	__attribute__((cleanup(export_free))) struct export export = {.options = options};
	CLEANUP_JSON json_t *summary = NULL;
	struct error err = {0};

	export.run = run_id_new();
	export.started = time(NULL);
	if (prepare(session, &export, &err) < 0 ||
	    (!options->dry_run && make(session, &export, &err) < 0)) {
		if (export.resolved.name)
			resolved_image_blame(&export.resolved, &err);
		if (export.workspace)
			library_keep_outcome(session->library, export.run, export.resolved.name,
					     NULL, &err);
		return session_fail_change(ret_err, &err, export.run, export.resolved.name, NULL);
	}
	summary = summarise(&export);
	if (!options->dry_run)
		library_keep_outcome(session->library, export.run, export.resolved.name, summary,
				     NULL);
	*ret_json = session_text(summary);
	return 0;
}
