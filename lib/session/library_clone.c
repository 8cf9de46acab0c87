/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbered paths, and linked clones on them.  A clone names the numbered path from the root, so
 * that no patch and no rollback changes what it reads; its pin keeps prune from the generation.
 *
 * The pin comes first: should prune take the generation at that moment, one of the two sees the
 * other.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "library/trash.h"
#include "session/change_summary.h"
#include "session/image.h"
#include "session/library_image.h"
#include "session/outputs.h"
#include "session/strings.h"
#include "session/task.h"

static int look(struct coldpatch_session *session, const char *reference,
		struct resolved_image *resolved, struct error *err)
{
	const struct coldpatch_image image = {.size = sizeof image, .template_name = reference};

	if (!session_library(session, err) || strings_check(&reference, 1, "template", err) < 0)
		return -1;
	return image_resolve(session, &image, resolved, err);
}

static bool is_pinned(const struct resolved_image *resolved, const char *who, char **ret_path)
{
	const struct template *template = resolved->template;

	for (size_t i = 0; who && i < template->n_pins; i++)
		if (template->pins[i].generation == resolved->generation->number &&
		    !strcmp(template->pins[i].who, who)) {
			*ret_path = xstrdup(template->pins[i].path);
			return true;
		}
	return false;
}

/* One more, whoever pinned the generation before. */
static int add_pin(const struct library *library, const struct resolved_image *resolved,
		   const char *who, char **ret_path, struct error *err)
{
	CLEANUP_FREE char *path = NULL;

	if (!*who)
		return error_set(err, ERROR_USAGE, "a pin needs to say who needs it");
	if (template_pin_add(library, resolved->name, resolved->generation->number, who, &path,
			     err) < 0)
		return -1;
	if (trash_take_back(library, resolved->name, resolved->generation->number, err) < 0) {
		unlink(path);
		return -1;
	}
	*ret_path = steal(path);
	return 0;
}

static int pin(const struct library *library, const struct resolved_image *resolved,
	       const char *who, char **ret_path, struct error *err)
{
	return is_pinned(resolved, who, ret_path) ? 0
						  : add_pin(library, resolved, who, ret_path, err);
}

static json_t *describe(const struct resolved_image *resolved, const char *pin_path)
{
	json_t *json = json_object();

	json_put_string(json, "template", resolved->name);
	json_put_u64(json, "generation", resolved->generation->number);
	json_put(json, "disks", strings_to_json(resolved->image.disks, resolved->image.n_disks));
	json_put_bytes(json, "pin", pin_path);
	return json;
}

int coldpatch_template_path(struct coldpatch_session *session,
			    const struct coldpatch_path_options *options, char **ret_json,
			    struct coldpatch_error *ret_err)
{
	CLEANUP_RESOLVED struct resolved_image resolved = {0};
	CLEANUP_JSON json_t *json = NULL;
	CLEANUP_FREE char *pin_path = NULL;
	struct error err = {0};

	if (strings_check(&options->pin, 1, "pin", &err) < 0 ||
	    look(session, options->reference, &resolved, &err) < 0)
		return session_fail(ret_err, &err);
	if (options->dry_run)
		is_pinned(&resolved, options->pin, &pin_path);
	else if (options->pin &&
		 pin(session->library, &resolved, options->pin, &pin_path, &err) < 0) {
		resolved_image_blame(&resolved, &err);
		return session_fail(ret_err, &err);
	}
	json = describe(&resolved, pin_path);
	*ret_json = session_text(json);
	return 0;
}

/* What a clone is made with. */
struct cloning {
	const struct resolved_image *resolved;
	const char *const *files;
	const char *run;
	struct workspace *workspace; /* beside the first file */
};

static char *staged_path(const struct cloning *cloning, size_t disk)
{
	return xasprintf("%s/disk%zu.qcow2", cloning->workspace->path, disk);
}

static int make_overlays(struct coldpatch_session *session, const struct cloning *cloning,
			 struct error *err)
{
	const struct coldpatch_image *image = &cloning->resolved->image;
	CLEANUP_JSON json_t *input = json_object(), *result = NULL;
	json_t *subject = json_object(), *overlays = json_array();

	for (size_t i = 0; i < image->n_disks; i++) {
		CLEANUP_FREE char *path = staged_path(cloning, i);
		json_t *overlay = json_object();

		json_put_string(overlay, "path", path);
		json_put_string(overlay, "backing_name", image->disks[i]);
		json_array_append_new(overlays, overlay);
	}
	json_put(subject, "disks", strings_to_json(image->disks, image->n_disks));
	json_put(subject, "backing", strings_to_json(image->backing, image->n_backing));
	json_put_string(subject, "work_dir", cloning->workspace->path);
	json_put(input, "image", subject);
	json_put(input, "overlays", overlays);
	return task_run(session, "clone", input, &result, err);
}

/* Writable for its owner: it is to be used. */
static int place_one(const char *staged, const char *path, struct error *err)
{
	mode_t mask = umask(0);

	umask(mask);
	if (chmod(staged, 0666 & ~mask) < 0)
		return error_os(err, ERROR_IO, errno, "%s", staged);
	if (link(staged, path) == 0)
		return 0;
	if (errno == EEXIST)
		return error_set(err, ERROR_USAGE, "%s: exists already; it is never overwritten",
				 path);
	return error_os(err, ERROR_IO, errno, "%s", path);
}

static int place(const struct cloning *cloning, struct error *err)
{
	size_t n = cloning->resolved->image.n_disks, done = 0;
	int outcome = 0;

	while (outcome == 0 && done < n) {
		CLEANUP_FREE char *staged = staged_path(cloning, done);

		outcome = place_one(staged, cloning->files[done], err);
		if (outcome == 0)
			outcome = file_sync_directory_of(cloning->files[done++], err);
	}
	while (outcome < 0 && done-- > 0)
		unlink(cloning->files[done]);
	return outcome;
}

static int make_clone(struct coldpatch_session *session, struct cloning *cloning, struct error *err)
{
	CLEANUP_FREE char *janitor = session_program(session, "coldpatch-janitor");
	CLEANUP_FREE char *directory = outputs_directory(cloning->files[0]);
	int outcome;

	cloning->workspace = workspace_new(directory, ".coldpatch", cloning->run, janitor, err);
	if (!cloning->workspace)
		return -1;
	outcome = make_overlays(session, cloning, err) < 0 ? -1 : place(cloning, err);
	workspace_free(cloning->workspace);
	return outcome;
}

static int check_files(const struct resolved_image *resolved, const char *const *files, size_t n,
		       struct error *err)
{
	struct stat st;

	if (n != resolved->image.n_disks)
		return error_set(err, ERROR_USAGE, "%zu disk%s, but %zu file%s to make",
				 resolved->image.n_disks, plural(resolved->image.n_disks), n,
				 plural(n));
	if (strings_check(files, n, "file", err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (lstat(files[i], &st) == 0)
			return error_set(err, ERROR_USAGE,
					 "%s: exists already; it is never overwritten", files[i]);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(files[i], files[j]))
				return error_set(err, ERROR_USAGE, "%s: is named twice", files[i]);
	}
	return outputs_check_together(files, n, err);
}

/* From the root, as who reads the pin elsewhere needs it. */
static char *absolute_path(const char *path)
{
	CLEANUP_FREE char *directory = outputs_directory(path);
	CLEANUP_FREE char *real = realpath(directory, NULL);

	return path_join(real ? real : directory, path_last(path));
}

static void remove_older_pins(const struct library *library, const struct resolved_image *resolved,
			      const char *who)
{
	const struct template *template = resolved->template;
	struct error ignored;

	for (size_t i = 0; i < template->n_pins; i++)
		if (template->pins[i].generation == resolved->generation->number &&
		    !strcmp(template->pins[i].who, who))
			template_pin_remove(library, resolved->name, &template->pins[i], &ignored);
}

/* With a pin of its own: one that is there for this file may be that of a clone which is being made
 * at the same time, fails because we were faster, and takes it away. */
static int clone_and_pin(struct coldpatch_session *session, struct cloning *cloning, char **ret_pin,
			 struct error *err)
{
	CLEANUP_FREE char *who = absolute_path(cloning->files[0]);
	CLEANUP_FREE char *pin_path = NULL;

	if (add_pin(session->library, cloning->resolved, who, &pin_path, err) < 0)
		return -1;
	if (make_clone(session, cloning, err) < 0) {
		unlink(pin_path);
		return -1;
	}
	remove_older_pins(session->library, cloning->resolved, who);
	*ret_pin = steal(pin_path);
	return 0;
}

static json_t *clone_summary(const struct cloning *cloning, bool dry_run, const char *pin_path)
{
	const struct resolved_image *resolved = cloning->resolved;
	json_t *summary =
		change_summary(cloning->run, resolved->name, !dry_run,
			       dry_run ? "would be cloned" : "cloned", resolved->generation, NULL);
	CLEANUP_JSON json_t *what = describe(resolved, pin_path);

	json_object_update(summary, what);
	json_put(summary, "files", strings_to_json(cloning->files, resolved->image.n_disks));
	return summary;
}

int coldpatch_template_clone(struct coldpatch_session *session,
			     const struct coldpatch_clone_options *options, char **ret_json,
			     struct coldpatch_error *ret_err)
{
	CLEANUP_RESOLVED struct resolved_image resolved = {0};
	CLEANUP_FREE char *run = run_id_new();
	struct cloning cloning = {.resolved = &resolved, .files = options->files, .run = run};
	CLEANUP_JSON json_t *json = NULL;
	CLEANUP_FREE char *pin_path = NULL;
	struct error err = {0};

	if (look(session, options->reference, &resolved, &err) < 0)
		return session_fail_change(ret_err, &err, run, resolved.name, NULL);
	if (check_files(&resolved, options->files, options->n_files, &err) < 0 ||
	    (!options->dry_run && clone_and_pin(session, &cloning, &pin_path, &err) < 0)) {
		resolved_image_blame(&resolved, &err);
		return session_fail_change(ret_err, &err, run, resolved.name, NULL);
	}
	json = clone_summary(&cloning, options->dry_run, pin_path);
	*ret_json = session_text(json);
	return 0;
}
