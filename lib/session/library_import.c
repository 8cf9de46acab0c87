/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Importing the disks of one guest, or a directory: there each image that backs no other becomes a
 * template.  With COLDPATCH_IMPORT_MOVE the originals go last of all, and only those that are what
 * was copied, that nobody has open, and that no image of the directory needs that did not come in
 * by this call.
 */
#include "session/library_import.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "disk/backing.h"
#include "library/base.h"
#include "library/inside.h"
#include "session/outputs.h"
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
	const char *path; /* borrowed from the scan's result */
	const char **below;
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
		free(batch->items[i].below);
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
	size_t n_below;

	item->path = string_member(image, "path");
	item->name = name_of_file(item->path);
	item->below = strings_of_json(json_object_get(image, "below"), &n_below);
	item->request = (struct import_request){
		.name = item->name,
		.n_paths = 1,
		.backing = item->below,
		.n_backing = n_below,
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

		if (base && access(base->path, F_OK) == 0)
			json_array_append_new(files, json_bytes(base->path));
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

	if (!library)
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
		batch->items[i].request.paths = &batch->items[i].path;
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

static void keep_files(const struct scanned *item, json_t *keep)
{
	const json_t *file;
	size_t i;

	json_array_append_new(keep, json_string(item->path));
	for (i = 0; item->below[i]; i++)
		json_array_append_new(keep, json_string(item->below[i]));
	json_array_foreach(json_object_get(item->summary, "files"), i, file)
		json_array_append(keep, json_object_get(file, "path"));
}

/* Files of what was imported in this call; *keep: of what was not. */
static void gather(const struct batch *batch, const json_t *summary, json_t *take, json_t *keep)
{
	if (batch->n == 0 && came_in(summary))
		json_array_extend(take, json_object_get(summary, "files"));
	for (size_t i = 0; i < batch->n; i++) {
		const struct scanned *item = &batch->items[i];

		if (came_in(item->summary))
			json_array_extend(take, json_object_get(item->summary, "files"));
		else
			keep_files(item, keep);
	}
}

static bool is_listed(const json_t *paths, const char *path)
{
	const json_t *listed;
	size_t i;

	json_array_foreach(paths, i, listed)
	{
		if (!strcmp(json_string_value(listed), path))
			return true;
	}
	return false;
}

static bool is_at(const json_t *file, const char *name, const struct timespec *at)
{
	const json_t *then = json_object_get(file, name);

	return json_integer_value(json_array_get(then, 0)) == (json_int_t)at->tv_sec &&
	       json_integer_value(json_array_get(then, 1)) == (json_int_t)at->tv_nsec;
}

static bool is_as_copied(const json_t *file, const struct stat *st)
{
	return S_ISREG(st->st_mode) &&
	       json_integer_value(json_object_get(file, "device")) == (json_int_t)st->st_dev &&
	       json_integer_value(json_object_get(file, "inode")) == (json_int_t)st->st_ino &&
	       json_integer_value(json_object_get(file, "size")) == (json_int_t)st->st_size &&
	       is_at(file, "modified", &st->st_mtim) && is_at(file, "changed", &st->st_ctim);
}

static bool is_open(int fd)
{
	struct error ignored;
	bool in_use = true;

	return image_file_in_use(fd, &in_use, &ignored) < 0 || in_use;
}

/* Whether it is open is asked first: who opens it later and writes changes its times. */
static const char *remove_original(const json_t *file, const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? NULL : "could not be removed";
	if (is_open(fd))
		return "stays: a process has it open (a running machine?)";
	if (lstat(path, &st) < 0 || !is_as_copied(file, &st))
		return "stays: it was changed since";
	return unlink(path) < 0 ? "could not be removed" : NULL;
}

/* Of the files that are taken, images beside them may need some that are not.  Where that cannot be
   told, all of them stay. */
static void keep_needed_in(struct coldpatch_session *session, const char *directory,
			   const json_t *take_paths, json_t *keep)
{
	CLEANUP_JSON json_t *input = json_object(), *result = NULL, *known = NULL;
	struct error problem = {0};
	const json_t *image;
	size_t i;

	known = known_files(session->library);
	json_array_extend(known, (json_t *)(uintptr_t)take_paths);
	json_put_string(input, "directory", directory);
	json_put(input, "known_files", steal(known));
	if (task_run(session, "import-scan", input, &result, &problem) < 0) {
		monitor_log(&session->monitor, LOG_LEVEL_WARNING,
			    "%s: what the images in it need is not known: %s", directory,
			    problem.msg);
		json_array_extend(keep, (json_t *)(uintptr_t)take_paths);
		return;
	}
	json_array_foreach(json_object_get(result, "images"), i, image)
	{
		if (!is_listed(take_paths, string_member(image, "path")))
			json_array_extend(keep, json_object_get(image, "below"));
	}
}

static json_t *paths_of(const json_t *files)
{
	json_t *paths = json_array();
	const json_t *file;
	size_t i;

	json_array_foreach(files, i, file) json_array_append(paths, json_object_get(file, "path"));
	return paths;
}

static void keep_needed_beside(struct coldpatch_session *session, const json_t *take, json_t *keep)
{
	CLEANUP_JSON json_t *paths = paths_of(take), *directories = json_array();
	const json_t *name;
	size_t i;

	json_array_foreach(paths, i, name)
	{
		CLEANUP_FREE char *path = json_bytes_value(name);
		CLEANUP_FREE char *directory = path ? outputs_directory(path) : NULL;

		if (!directory || is_listed(directories, directory))
			continue;
		json_array_append_new(directories, json_bytes(directory));
		keep_needed_in(session, directory, paths, keep);
	}
}

static void remove_originals(struct coldpatch_session *session, const struct batch *batch,
			     const json_t *summary)
{
	CLEANUP_JSON json_t *take = json_array(), *keep = json_array();
	const json_t *file;
	size_t i;

	gather(batch, summary, take, keep);
	if (batch->n == 0)
		keep_needed_beside(session, take, keep);
	json_array_foreach(take, i, file)
	{
		CLEANUP_FREE char *path = json_bytes_value(json_object_get(file, "path"));
		const char *problem;

		if (!path || path_is_in_library(path))
			continue;
		problem = is_listed(keep, path) ? "stays: an image beside it needs it, or may"
						: remove_original(file, path);
		if (problem)
			monitor_log(&session->monitor, LOG_LEVEL_WARNING, "%s: is copied, and %s",
				    path, problem);
	}
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
	CLEANUP_JSON json_t *json = NULL;
	struct error err = {0};

	if (import(session, &batch, &json, &err) < 0)
		return template_each_fail(session, ret_err, &err);
	if (options->mode == COLDPATCH_IMPORT_MOVE && !options->dry_run)
		remove_originals(session, &batch, json);
	*ret_json = session_text(json);
	return 0;
}
