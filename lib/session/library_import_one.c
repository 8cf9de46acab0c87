/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One image comes into the library: task import looks at all of it and makes overlays that hold
 * nothing; bases, record and generation follow; the head makes it visible, last of all.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "library/base.h"
#include "library/commit.h"
#include "session/change_summary.h"
#include "session/image.h"
#include "session/library_head.h"
#include "session/library_import.h"
#include "session/strings.h"
#include "session/task_image.h"

static void import_free(struct import *import)
{
	owner_file_free(import->lease);
	staging_free(import->staging);
	lineage_free(import->lineage);
	template_free(import->template);
	json_decref(import->result);
}

char *import_overlay_path(const struct import *import, size_t disk)
{
	return xasprintf("%s/disk%zu.qcow2", import->staging->path, disk);
}

static json_t *known_file(const struct base *base)
{
	CLEANUP_FREE char *backing = base_overlay_backing(base);
	json_t *file = json_object();

	json_put_bytes(file, "path", base->path);
	json_put(file, "size", json_integer((json_int_t)base->size));
	json_put(file, "mtime_s", json_integer(base->mtime_s));
	json_put(file, "mtime_ns", json_integer(base->mtime_ns));
	json_put_digest(file, "digest", &base->digest);
	json_put_bytes(file, "overlay_backing", backing);
	return file;
}

/* The library's bases may back what comes in, and need not be hashed again. */
static int list_known(const struct library *library, json_t *known, json_t *backing,
		      struct error *err)
{
	struct digest *digests = NULL;
	size_t n = 0;

	if (library_list_bases(library, &digests, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct error ignored;
		CLEANUP(base_free)
		struct base *base = base_load(library, &digests[i], &ignored);

		/* A path that is not UTF-8 is no string of a task. */
		if (!base || access(base->path, F_OK) < 0 ||
		    strings_check((const char *const *)&base->path, 1, "base", &ignored) < 0)
			continue;
		json_array_append_new(known, known_file(base));
		json_array_append_new(backing, json_string(base->path));
	}
	free(digests);
	return 0;
}

static json_t *checked_paths(const char *const *paths, size_t n, struct error *err)
{
	CLEANUP_JSON json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		if (strings_check(&paths[i], 1, "image", err) < 0)
			return NULL;
		json_array_append_new(list, json_string(paths[i]));
	}
	return steal(list);
}

static void add_disks(const struct template *template, json_t *backing)
{
	for (size_t i = 0; template && i < template->n_generations; i++)
		for (size_t j = 0; j < template->generations[i].n_disks; j++)
			json_array_append_new(backing,
					      json_string(template->generations[i].disks[j]));
}

static void put_outputs(const struct import *import, json_t *input)
{
	json_t *overlays = json_array();

	for (size_t i = 0; i < import->request->n_paths; i++) {
		CLEANUP_FREE char *path = import_overlay_path(import, i);

		json_array_append_new(overlays, json_string(path));
	}
	json_put(input, "overlays", overlays);
	if (import->request->options->mode != COLDPATCH_IMPORT_REFERENCE)
		json_put_string(input, "copies", import->staging->path);
}

/* A caller that was built when there were none has a shorter struct. */
static json_t *disk_keys(const struct coldpatch_import_options *options, struct error *err)
{
	size_t end = offsetof(struct coldpatch_import_options, n_disk_keys) +
		     sizeof options->n_disk_keys;

	return options->size < end ? json_array()
				   : checked_paths(options->disk_keys, options->n_disk_keys, err);
}

static json_t *task_input(const struct import *import, const char *work_dir, struct error *err)
{
	const struct import_request *request = import->request;
	CLEANUP_JSON json_t *input = json_object();
	json_t *image = json_object(), *known = json_array();
	json_t *disks, *backing, *keys;

	json_put(input, "image", image);
	json_put(input, "known", known);
	disks = checked_paths(request->paths, request->n_paths, err);
	if (!disks)
		return NULL;
	json_put(image, "disks", disks);
	backing = checked_paths(request->backing, request->n_backing, err);
	if (!backing)
		return NULL;
	json_put(image, "backing", backing);
	keys = disk_keys(request->options, err);
	if (!keys)
		return NULL;
	json_put(image, "disk_keys", keys);
	json_put_string(image, "work_dir", work_dir);
	if (list_known(import->library, known, backing, err) < 0)
		return NULL;
	add_disks(import->template, backing);
	if (import->staging)
		put_outputs(import, input);
	return steal(input);
}

static int look(struct coldpatch_session *session, struct import *import, struct error *err)
{
	CLEANUP_FREE char *janitor = session_program(session, "coldpatch-janitor");
	CLEANUP(workspace_free)
	struct workspace *workspace =
		workspace_new(session->config.scratch, WORKSPACE_PREFIX, import->run, janitor, err);
	CLEANUP_JSON json_t *input = NULL;

	if (!workspace)
		return error_prefix(err, "scratch");
	input = task_input(import, workspace->path, err);
	if (!input)
		return -1;
	task_put_appliance(session, json_object_get(input, "image"));
	return task_run_on_image(session, "import", input, &import->result, err);
}

/* A guest sees on its disks what it saw on those of this generation. */
static bool is_same(const struct import *import, const struct lineage_step *step)
{
	const json_t *disks = json_object_get(import->result, "disks"), *disk;
	size_t i, n = 0;

	if (step->generation->problem || !step->record || step->record->build_type != RECORD_IMPORT)
		return false;
	for (size_t j = 0; j < step->record->n_subjects; j++)
		n += strstr(step->record->subjects[j].name, RECORD_CONTENT_SUFFIX) != NULL;
	json_array_foreach(disks, i, disk)
	{
		CLEANUP_FREE char *name = xasprintf("disk%zu.qcow2" RECORD_CONTENT_SUFFIX, i);
		struct digest digest;
		bool found = false;

		for (size_t j = 0; j < step->record->n_subjects; j++)
			found |= !strcmp(step->record->subjects[j].name, name) &&
				 digest_from_hex(string_member(disk, "content"), &digest) &&
				 digest_equal(&step->record->subjects[j].digest, &digest);
		if (!found)
			return false;
	}
	return n == json_array_size(disks);
}

/* The import that the current generation was made of, or is. */
static const struct lineage_step *current_import(const struct import *import)
{
	struct error ignored;
	const struct template_generation *current = template_find(import->template, -1, &ignored);
	const struct lineage_step *step =
		current ? lineage_step(import->lineage, (int64_t)current->number) : NULL;

	while (step && step->record && step->record->build_type != RECORD_IMPORT)
		step = lineage_step(import->lineage, step->before);
	return step;
}

/* For --into, the import that is in force counts; else any. */
static const struct template_generation *find_same(const struct import *import)
{
	if (import->into) {
		const struct lineage_step *step = current_import(import);

		return step && is_same(import, step) ? step->generation : NULL;
	}
	for (size_t i = import->lineage ? import->lineage->n : 0; i-- > 0;)
		if (is_same(import, &import->lineage->steps[i]))
			return import->lineage->steps[i].generation;
	return NULL;
}

static int open_template(struct coldpatch_session *session, struct import *import,
			 struct error *err)
{
	const char *name = import->request->name;
	struct error problem = {0};

	import->template = session_template(session, name, &problem);
	if (!import->template && problem.kind == ERROR_MISSING && !import->into)
		return 0;
	if (!import->template) {
		*err = problem;
		return -1;
	}
	if (template_lost_heads(import->template))
		return template_check_heads(import->template, err);
	/* An import that was killed, or that gives up just now. */
	if (!import->into && import->template->n_heads == 0) {
		template_free(steal(import->template));
		return 0;
	}
	import->lineage = lineage_new(import->template, session->keys);
	/* Nothing is said, or written, of a template that nobody may use. */
	return template_find(import->template, -1, err) ? 0 : -1;
}

/* Something is written: a new template, or a generation of one that is there. */
static bool may_make(const struct import *import)
{
	return (import->into || !import->template) && !import->request->options->dry_run;
}

/* Until we had the lease, others may have pruned what we saw, or have made or described the
 * template. */
static int lease_template(struct coldpatch_session *session, struct import *import,
			  struct error *err)
{
	import->lease = template_lease(import->library, import->request->name, import->run, err);
	if (!import->lease)
		return -1;
	lineage_free(steal(import->lineage));
	template_free(steal(import->template));
	return open_template(session, import, err);
}

/* Where another import of this name was faster, nothing is made. */
static int make_staging(struct coldpatch_session *session, struct import *import, struct error *err)
{
	import->staging = staging_new(import->library, import->request->name, import->run, err);
	if (!import->staging || lease_template(session, import, err) < 0)
		return -1;
	if (!may_make(import))
		staging_free(steal(import->staging));
	return 0;
}

static bool is_described(const struct coldpatch_import_options *options)
{
	return options->owner || options->purpose || options->review_by || options->trust_domain;
}

/* Is something said of the template that was not said of it before? */
static bool is_described_anew(const struct import *import)
{
	const struct coldpatch_import_options *options = import->request->options;
	const struct template_info *info = &import->template->info;
	const char *const said[] = {options->owner, options->purpose, options->review_by,
				    options->trust_domain};
	const char *const known[] = {info->owner, info->purpose, info->review_by,
				     info->trust_domain};

	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		if (said[i] && (!known[i] || strcmp(said[i], known[i]) != 0))
			return true;
	return false;
}

static int describe(const struct import *import, struct error *err)
{
	const struct coldpatch_import_options *options = import->request->options;
	struct template_info info = {0};
	char *strings[] = {NULL, NULL, NULL, NULL};
	const char *const said[] = {options->owner, options->purpose, options->review_by,
				    options->trust_domain};
	char **const members[] = {&info.owner, &info.purpose, &info.review_by, &info.trust_domain};
	int outcome;

	if (import->template && !is_described(options))
		return 0;
	if (import->template)
		info = import->template->info;
	for (size_t i = 0; i < 4; i++)
		if (said[i])
			*members[i] = strings[i] = xstrdup(said[i]);
	outcome = template_info_write(import->library, import->request->name, &info, err);
	for (size_t i = 0; i < 4; i++)
		free(strings[i]);
	return outcome;
}

/* An import that does not come to its head leaves no description, either.  It may have failed when
 * its head was there. */
static void take_back_description(const struct import *import)
{
	CLEANUP_FREE char *path =
		library_path(import->library, "templates/%s/template.json", import->request->name);

	if (!import->template && !template_has_heads(import->library, import->request->name))
		unlink(path);
}

static int publish_head(struct coldpatch_session *session, const struct import *import,
			struct error *err)
{
	const struct import_request *request = import->request;
	CLEANUP_FREE char *record = xasprintf("%s/record.sigstore.json", import->staging->path);
	struct head_draft draft = {
		.name = request->name,
		.template = import->template,
		.kind = HEAD_IMPORT,
		.generation = import->staging->number,
		.record = record,
		.run = import->run,
		.key = import->key,
		.actor = request->options->actor,
		.reason = request->options->reason,
	};

	if (digest_of_file(record, &draft.record_digest, err) < 0)
		return -1;
	return head_publish(session, &draft, err);
}

static int make_generation(struct coldpatch_session *session, struct import *import,
			   struct error *err)
{
	if (import_add_bases(import, err) < 0 || import_sign(session, import, err) < 0 ||
	    staging_publish(import->staging, import->request->paths[0], err) < 0 ||
	    describe(import, err) < 0)
		return -1;
	if (publish_head(session, import, err) == 0)
		return 0;
	take_back_description(import);
	return -1;
}

static json_t *summary(const struct import *import, bool changed,
		       const struct template_generation *generation, const char *msg)
{
	json_t *json =
		change_summary(import->run, import->request->name, changed, msg, generation, NULL);

	json_put_bool(json, "described", false);
	json_put(json, "files", json_incref(json_object_get(import->result, "files")));
	json_put(json, "os",
		 json_incref(json_object_get(json_object_get(import->result, "guest"), "os")));
	json_put(
		json, "blockers",
		json_incref(json_object_get(json_object_get(import->result, "guest"), "blockers")));
	return json;
}

static json_t *made_summary(const struct import *import)
{
	CLEANUP_FREE char *record = xasprintf("%s/record.sigstore.json", import->staging->path);
	struct template_generation generation = {.number = import->staging->number,
						 .record = record};
	CLEANUP_FREE char *msg =
		xasprintf("imported as generation %llu", (unsigned long long)generation.number);

	return summary(import, true, &generation, msg);
}

/* As find_same.  What is said anew is written under the lease, beside what somebody else has said
 * until then. */
static int find_same_to_describe(struct coldpatch_session *session, struct import *import,
				 const struct template_generation **ret, struct error *err)
{
	*ret = find_same(import);
	if (!*ret || import->lease || import->request->options->dry_run ||
	    !is_described_anew(import))
		return 0;
	if (lease_template(session, import, err) < 0)
		return -1;
	*ret = find_same(import);
	return 0;
}

static const char *what_stays(const struct coldpatch_import_options *options)
{
	if (options->mode == COLDPATCH_IMPORT_MOVE)
		return "; its files stay where they are";
	if (options->mode == COLDPATCH_IMPORT_COPY)
		return options->dry_run ? "; nothing would be copied" : "; nothing was copied";
	return "";
}

/* Nothing comes in; what is said of the template is said all the same. */
static int tell_same(const struct import *import, const struct template_generation *same,
		     json_t **ret, struct error *err)
{
	bool anew = is_described_anew(import), dry_run = import->request->options->dry_run;
	CLEANUP_FREE char *msg = xasprintf("is imported already%s%s",
					   !anew     ? ""
					   : dry_run ? ", and would be described anew"
						     : ", and was described anew",
					   what_stays(import->request->options));

	if (anew && !dry_run && describe(import, err) < 0)
		return -1;
	*ret = summary(import, anew && !dry_run, same, msg);
	json_put_bool(*ret, "described", anew && !dry_run);
	return 0;
}

/* Machines that are made of it have as many disks as the generation that they are made of. */
static void warn_of_disks(const struct coldpatch_session *session, const struct import *import)
{
	struct error ignored;
	const struct template_generation *current =
		import->into ? template_find(import->template, -1, &ignored) : NULL;

	if (current && current->n_disks != import->request->n_paths)
		monitor_log(&session->monitor, LOG_LEVEL_WARNING,
			    "%s: generation %llu has %zu disk%s, what is imported has %zu",
			    import->request->name, (unsigned long long)current->number,
			    current->n_disks, plural(current->n_disks), import->request->n_paths);
}

static int import_image(struct coldpatch_session *session, struct import *import, json_t **ret,
			struct error *err)
{
	const struct template_generation *same;

	if (!import->request->options->dry_run &&
	    template_prepare_change(session, import->request->name, err) < 0)
		return -1;
	if (open_template(session, import, err) < 0)
		return -1;
	if ((may_make(import) && make_staging(session, import, err) < 0) ||
	    look(session, import, err) < 0)
		return -1;
	if (find_same_to_describe(session, import, &same, err) < 0)
		return -1;
	if (same)
		return tell_same(import, same, ret, err);
	if (import->template && !import->into)
		return error_set(err, ERROR_USAGE,
				 "is there already, from another image; --into %s makes a new "
				 "generation of it, --name gives the new one another name",
				 import->request->name);
	if (import_check_bases(import, err) < 0)
		return -1;
	warn_of_disks(session, import);
	if (import->request->options->dry_run) {
		*ret = summary(import, false, NULL, "would be imported");
		return 0;
	}
	if (make_generation(session, import, err) < 0)
		return -1;
	*ret = made_summary(import);
	return 0;
}

int import_one(struct coldpatch_session *session, const struct import_request *request,
	       const char *run, json_t **ret, struct error *err)
{
	__attribute__((cleanup(import_free))) struct import import = {
		.request = request,
		.library = session_library(session, err),
		.run = run,
		.started = time(NULL),
		.into = request->options->into,
	};

	if (!import.library || template_name_check(request->name, err) < 0)
		return -1;
	if (!request->options->dry_run) {
		import.key = session_signing_key(session, request->options->key, err);
		if (!import.key)
			return -1;
	}
	return import_image(session, &import, ret, err);
}
