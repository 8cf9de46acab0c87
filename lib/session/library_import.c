/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Importing the disks of one guest, or a directory: there each image that backs no other becomes a
 * template.
 */
#include "session/library_import.h"

#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "library/base.h"
#include "session/strings.h"
#include "session/task.h"
#include "session/template_each.h"
#include "session/until.h"

/* What a directory holds, as task import-scan tells it. */
struct scanned {
	struct import_request request;
	struct error problem; /* of an image that cannot be opened, or whose name is taken */
	json_t *summary;      /* of its import; NULL: it failed */
	char *name;
	char *path;
	char **below;
	size_t n_below;
};

struct batch {
	const struct coldpatch_import_options *options;
	json_t *scan;
	struct scanned *items;
	size_t n;
};

static void batch_free(struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++) {
		free(batch->items[i].name);
		free(batch->items[i].path);
		strings_free(batch->items[i].below, batch->items[i].n_below);
		json_decref(batch->items[i].summary);
	}
	free(batch->items);
	json_decref(batch->scan);
}

/* "web-01" of "DIR/web-01.qcow2". */
static char *name_of_file(const char *path)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	char *name = basename(copy), *dot = strrchr(name, '.');

	if (dot && dot != name)
		*dot = '\0';
	return xstrdup(name);
}

static int import_single(struct coldpatch_session *session, const char *name, const char *run,
			 const void *opaque, json_t **ret, struct error *err)
{
	const struct coldpatch_import_options *options = opaque;
	const struct import_request request = {
		.name = name,
		.paths = options->paths,
		.n_paths = options->n_paths,
		.backing = options->backing,
		.n_backing = options->n_backing,
		.options = options,
	};

	return import_one(session, &request, run, ret, err);
}

/* `name` is one of the batch's own strings: two files may be called alike. */
static int import_scanned(struct coldpatch_session *session, const char *name, const char *run,
			  const void *opaque, json_t **ret, struct error *err)
{
	const struct batch *batch = opaque;
	struct scanned *item = batch->items;

	while (item->name != name)
		item++;
	if (item->problem.kind) {
		*err = item->problem;
		return -1;
	}
	if (import_one(session, &item->request, run, ret, err) < 0)
		return -1;
	item->summary = json_incref(*ret);
	return 0;
}

static bool is_below_another(const json_t *images, const char *path)
{
	const json_t *image, *below;
	size_t i, j;

	json_array_foreach(images, i, image)
		json_array_foreach(json_object_get(image, "below"), j,
				   below) if (!strcmp(json_string_value(below), path)) return true;
	return false;
}

static void add_item(struct batch *batch, const json_t *image)
{
	struct scanned *item = ARRAY_ADD(batch->items, batch->n);
	const json_t *below;
	size_t i;

	item->path = json_bytes_value(json_object_get(image, "path"));
	item->name = name_of_file(item->path);
	json_array_foreach(json_object_get(image, "below"), i, below)
	{
		*ARRAY_ADD(item->below, item->n_below) = json_bytes_value(below);
	}
	item->request = (struct import_request){
		.name = item->name,
		.n_paths = 1,
		.backing = (const char *const *)item->below,
		.n_backing = item->n_below,
		.options = batch->options,
	};
	if (json_object_get(image, "kind"))
		error_set(&item->problem,
			  (enum error_kind)json_integer_value(json_object_get(image, "kind")), "%s",
			  string_member(image, "msg"));
}

/* "a.qcow2" and "a.raw": the first becomes template a. */
static void find_clashes(struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		for (size_t j = 0; j < i && !batch->items[i].problem.kind; j++)
			if (!strcmp(batch->items[j].name, batch->items[i].name))
				error_set(&batch->items[i].problem, ERROR_USAGE,
					  "%s: would be called %s as a template, as %s is; import "
					  "it with --name, or rename it",
					  batch->items[i].path, batch->items[i].name,
					  batch->items[j].path);
}

static json_t *known_files(const struct library *library)
{
	struct digest *digests = NULL;
	json_t *files = json_array();
	struct error ignored;
	size_t n = 0;

	if (library_list_bases(library, &digests, &n, &ignored) < 0)
		return files;
	for (size_t i = 0; i < n; i++) {
		CLEANUP(base_free)
		struct base *base = base_load(library, &digests[i], &ignored);

		/* A path that is not UTF-8 is no string of a task. */
		if (base && access(base->path, F_OK) == 0 &&
		    strings_check((const char *const *)&base->path, 1, "base", &ignored) == 0)
			json_array_append_new(files, json_string(base->path));
	}
	free(digests);
	return files;
}

static int scan(struct coldpatch_session *session, struct batch *batch, struct error *err)
{
	const struct library *library = session_library(session, err);
	CLEANUP_FREE char *directory = realpath(batch->options->paths[0], NULL);
	CLEANUP_JSON json_t *input = json_object();
	const json_t *images, *image;
	json_t *known;
	size_t i;

	if (!library || strings_check((const char *const *)&directory, 1, "directory", err) < 0)
		return -1;
	json_put_string(input, "directory", directory);
	known = known_files(library);
	for (i = 0; i < batch->options->n_backing; i++)
		json_array_append_new(known, json_string(batch->options->backing[i]));
	json_put(input, "known_files", known);
	if (task_run(session, "import-scan", input, &batch->scan, err) < 0)
		return -1;
	images = json_object_get(batch->scan, "images");
	json_array_foreach(images, i,
			   image) if (!is_below_another(images, string_member(image, "path")))
		add_item(batch, image);
	for (i = 0; i < batch->n; i++)
		batch->items[i].request.paths = (const char *const *)&batch->items[i].path;
	find_clashes(batch);
	if (batch->n)
		return 0;
	return error_set(err, ERROR_MISSING, "%s: no image in it: *.qcow2, *.img or *.raw",
			 directory);
}

static int import_directory(struct coldpatch_session *session, struct batch *batch, json_t **ret,
			    struct error *err)
{
	const char **names;
	int outcome;

	if (batch->options->into || batch->options->name)
		return error_set(err, ERROR_USAGE,
				 "%s: is a directory, whose templates are called as its files are",
				 batch->options->paths[0]);
	if (scan(session, batch, err) < 0)
		return -1;
	names = xcalloc(batch->n, sizeof *names);
	for (size_t i = 0; i < batch->n; i++)
		names[i] = batch->items[i].name;
	outcome = template_each_listed(session, names, batch->n, import_scanned, batch,
				       batch->options->dry_run, ret, err);
	free(names);
	return outcome;
}

/* A template that was there may have been described anew, which takes no file in. */
static bool came_in(const json_t *summary)
{
	return json_is_true(json_object_get(summary, "changed")) &&
	       !json_is_true(json_object_get(summary, "described"));
}

/* The files of what was imported in this call. */
static json_t *files_taken(const struct batch *batch, const json_t *summary)
{
	json_t *files = json_array();

	if (batch->n == 0 && came_in(summary))
		json_array_extend(files, json_object_get(summary, "files"));
	for (size_t i = 0; i < batch->n; i++)
		if (came_in(batch->items[i].summary))
			json_array_extend(files, json_object_get(batch->items[i].summary, "files"));
	return files;
}

static int check_options(const struct coldpatch_import_options *options, struct error *err)
{
	const char *const strings[] = {options->name,	      options->into,	  options->owner,
				       options->purpose,      options->review_by, options->actor,
				       options->trust_domain, options->reason,	  options->key};

	if (options->n_paths == 0)
		return error_set(err, ERROR_USAGE, "no image was given");
	if (options->name && options->into)
		return error_set(err, ERROR_USAGE,
				 "either the name of a new template, or one to import into");
	if (strings_check(strings, sizeof strings / sizeof *strings, "option", err) < 0 ||
	    strings_check(options->backing, options->n_backing, "backing file", err) < 0)
		return -1;
	if (options->review_by && !until_is_day(options->review_by))
		return error_set(err, ERROR_USAGE, "review by %s: not a day, YYYY-MM-DD",
				 options->review_by);
	return strings_check(options->paths, options->n_paths, "image", err);
}

static int import(struct coldpatch_session *session, struct batch *batch, json_t **ret,
		  struct error *err)
{
	const struct coldpatch_import_options *options = batch->options;
	CLEANUP_FREE char *own_name = NULL;
	const char *name = options->into ? options->into : options->name;
	struct stat st;

	if (check_options(options, err) < 0 || !session_library(session, err) ||
	    directory_make(session->config.scratch, 0700, err) < 0)
		return -1;
	if (options->n_paths == 1 && stat(options->paths[0], &st) == 0 && S_ISDIR(st.st_mode))
		return import_directory(session, batch, ret, err);
	if (!name)
		name = own_name = name_of_file(options->paths[0]);
	return template_each(session, &name, 1, import_single, options, options->dry_run, ret, err);
}

int coldpatch_library_import(struct coldpatch_session *session,
			     const struct coldpatch_import_options *options, char **ret_json,
			     struct coldpatch_error *ret_err)
{
	__attribute__((cleanup(batch_free))) struct batch batch = {.options = options};
	CLEANUP_JSON json_t *json = NULL, *taken = NULL;
	struct error err = {0};

	if (import(session, &batch, &json, &err) < 0)
		return template_each_fail(session, ret_err, &err);
	taken = files_taken(&batch, json);
	if (options->mode == COLDPATCH_IMPORT_MOVE && !options->dry_run)
		import_remove_originals(session, taken);
	*ret_json = session_text(json);
	return 0;
}
