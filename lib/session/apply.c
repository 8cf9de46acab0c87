/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Applying a plan to a loose image: guest -> plan -> layer -> overlay and record.
 *
 * Nothing is visible before the last step: overlays and record are made in a hidden workspace
 * beside the first output and linked into place, the record last, so that a record that is there
 * speaks of overlays that are there.
 */
#include "session/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "session/strings.h"
#include "session/task.h"

enum { DEFAULT_DEADLINE_S = 3600, MAX_RECORD = 64 << 20 };

static void applied_free(struct applied *applied)
{
	prepared_free(&applied->prepared);
	workspace_free(applied->outputs);
	background_digests_free(applied->parents);
	background_task_free(applied->payloads);
	json_decref(applied->layer);
	json_decref(applied->commit);
	free(applied->log_path);
	free(applied->run_dir);
}
#define CLEANUP_APPLIED __attribute__((cleanup(applied_free)))

static char *directory_of(const char *path)
{
	CLEANUP_FREE char *copy = xstrdup(path);

	return xstrdup(dirname(copy));
}

static int must_not_exist(const char *path, struct error *err)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return error_set(err, ERROR_USAGE, "%s: exists already; it is never overwritten",
				 path);
	return 0;
}

/* Found out before the run rather than after it. */
static int must_be_writable(const char *path, struct error *err)
{
	CLEANUP_FREE char *directory = directory_of(path);
	CLEANUP_FREE char *inside = path_join(directory, ".");
	size_t len = strlen(path);

	if (len == 0 || path[len - 1] == '/')
		return error_set(err, ERROR_USAGE, "\"%s\" is not the name of a file to make",
				 path);
	if (access(inside, W_OK) == 0)
		return must_not_exist(path, err);
	return error_os(err, errno == ENOENT || errno == ENOTDIR ? ERROR_MISSING : ERROR_DENIED,
			errno, "directory %s, for %s", directory, path);
}

/* By their spelling: two spellings of one path are caught when the second is made. */
static int must_differ(const struct coldpatch_apply_options *options, struct error *err)
{
	for (size_t i = 0; i < options->n_outputs; i++) {
		const char *path = options->outputs[i];

		if (!strcmp(path, options->record))
			return error_set(err, ERROR_USAGE, "%s: named as output and as record",
					 path);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(path, options->outputs[j]))
				return error_set(err, ERROR_USAGE, "%s: named twice as output",
						 path);
	}
	return 0;
}

static int check_options(const struct coldpatch_session *session,
			 const struct coldpatch_image *image,
			 const struct coldpatch_apply_options *options, struct error *err)
{
	const char *key = options->key ? options->key : session->config.key;

	if (options->executor && !config_is_executor(options->executor))
		return error_set(err, ERROR_USAGE,
				 "executor: %s is none of auto, sandbox, appliance",
				 options->executor);
	if (options->dry_run)
		return 0;
	if (options->n_outputs != image->n_disks)
		return error_set(err, ERROR_USAGE, "%zu disks, but %zu outputs", image->n_disks,
				 options->n_outputs);
	if (!options->record)
		return error_set(err, ERROR_USAGE, "no record was named");
	if (!key)
		return error_set(
			err, ERROR_CONFIG,
			"no key to sign the record with; make one with `coldpatch key generate`");
	if (access(key, R_OK) < 0)
		return error_os(err, ERROR_CONFIG, errno, "signing key %s", key);
	for (size_t i = 0; i < options->n_outputs; i++)
		if (must_be_writable(options->outputs[i], err) < 0)
			return -1;
	if (must_differ(options, err) < 0)
		return -1;
	return must_be_writable(options->record, err);
}

/* STORE/runs/RUN keeps plan, log and error of every run, failed ones too. */
static int open_run_directory(struct coldpatch_session *session, struct applied *applied,
			      struct error *err)
{
	CLEANUP_FREE char *plan_path = NULL;
	CLEANUP_JSON json_t *plan = plan_to_json(applied->prepared.plan);

	applied->run_dir = xasprintf("%s/runs/%s", session->config.store, applied->prepared.run);
	if (directory_make(applied->run_dir, 0750, err) < 0)
		return -1;
	applied->log_path = path_join(applied->run_dir, "log");
	plan_path = path_join(applied->run_dir, "plan.json");
	return json_write_file(plan_path, plan, 0640, err);
}

static bool sandbox_allowed(const struct coldpatch_session *session, const json_t *files)
{
	const json_t *file;
	size_t i;
	bool own = false;

	for (unsigned j = 0; j < session->config.n_sandbox_ok; j++)
		own |= !strcmp(session->config.sandbox_ok[j], "own");
	json_array_foreach(files, i, file)
	{
		struct stat st;

		if (stat(string_member(file, "path"), &st) < 0 || st.st_uid != getuid())
			own = false;
	}
	return own;
}

static json_t *layer_input(const struct coldpatch_session *session,
			   const struct coldpatch_apply_options *options,
			   const struct applied *applied)
{
	const struct prepared *prepared = &applied->prepared;
	CLEANUP_FREE char *runner = session_program(session, "coldpatch-runner");
	json_t *input = json_object();
	unsigned deadline = options->deadline_s ? options->deadline_s : DEFAULT_DEADLINE_S;

	json_put(input, "image", json_incref(prepared->image));
	json_put(input, "plan", plan_to_json(prepared->plan));
	json_put_string(input, "store", session->config.store);
	json_put_digest(input, "snapshot", &prepared->snapshot->digest);
	json_put_string(input, "work_dir", prepared->workspace->path);
	json_put_string(input, "runner", runner);
	json_put_string(input, "log", applied->log_path);
	json_put_string(input, "executor",
			options->executor ? options->executor : session->config.executor);
	json_put_bool(input, "sandbox_ok",
		      sandbox_allowed(session, json_object_get(prepared->image, "files")));
	json_put_u64(input, "deadline_s", deadline);
	json_put_u64(input, "copy_limit", session->config.copy_limit_mib << 20);
	json_put_bool(input, "check_filesystems",
		      !checked_before(session, json_object_get(prepared->image, "files")));
	json_put_bool(input, "boot_test", options->boot_test);
	return input;
}

static json_t *payload_input(const struct coldpatch_session *session, const struct applied *applied)
{
	json_t *input = json_object();

	json_put(input, "plan", plan_to_json(applied->prepared.plan));
	json_put_string(input, "store", session->config.store);
	json_put_digest(input, "snapshot", &applied->prepared.snapshot->digest);
	return input;
}

static int make_layer(struct coldpatch_session *session,
		      const struct coldpatch_apply_options *options, struct applied *applied,
		      struct error *err)
{
	CLEANUP_JSON json_t *input = layer_input(session, options, applied);

	applied->payloads =
		background_task_start(session, "payload", payload_input(session, applied));
	if (task_run(session, "layer", input, &applied->layer, err) < 0)
		return -1;
	remember_checked(session, json_object_get(applied->prepared.image, "files"));
	return 0;
}

/* In the same directory the bare name, so that both can be moved together; else the absolute path.
 */
static char *backing_name(const char *parent, const char *output)
{
	CLEANUP_FREE char *output_dir = directory_of(output);
	CLEANUP_FREE char *real_output_dir = realpath(output_dir, NULL);
	CLEANUP_FREE char *real_parent = realpath(parent, NULL);
	CLEANUP_FREE char *parent_dir = real_parent ? directory_of(real_parent) : NULL;

	if (!real_parent || !real_output_dir)
		return xstrdup(parent);
	if (!strcmp(parent_dir, real_output_dir))
		return xstrdup(strrchr(real_parent, '/') + 1);
	return steal(real_parent);
}

char *applied_path(const struct applied *applied, size_t disk)
{
	return xasprintf("%s/disk%zu.qcow2", applied->outputs->path, disk);
}

static json_t *commit_input(const struct coldpatch_session *session,
			    const struct coldpatch_image *image,
			    const struct coldpatch_apply_options *options,
			    const struct applied *applied)
{
	const struct prepared *prepared = &applied->prepared;
	CLEANUP_FREE char *console = path_join(applied->run_dir, "console");
	json_t *input = json_object(), *overlays = json_array();

	for (size_t i = 0; i < image->n_disks; i++) {
		CLEANUP_FREE char *path = applied_path(applied, i);
		CLEANUP_FREE char *backing = backing_name(image->disks[i], options->outputs[i]);
		CLEANUP_FREE char *directory = directory_of(options->outputs[i]);
		json_t *overlay = json_object();

		json_put_string(overlay, "path", path);
		json_put_string(overlay, "backing_name", backing);
		json_put_string(overlay, "directory", directory);
		json_array_append_new(overlays, overlay);
	}
	json_put(input, "image", json_incref(prepared->image));
	json_put(input, "plan", plan_to_json(prepared->plan));
	json_put(input, "overlays", overlays);
	json_put_string(input, "store", session->config.store);
	json_put_string(input, "layer",
			string_member(json_object_get(applied->layer, "layer"), "digest"));
	json_put_bool(input, "boot_test", options->boot_test);
	json_put_bool(input, "sandbox_ok",
		      sandbox_allowed(session, json_object_get(prepared->image, "files")));
	json_put_string(input, "console", console);
	return input;
}

static int make_overlays(struct coldpatch_session *session, const struct coldpatch_image *image,
			 const struct coldpatch_apply_options *options, struct applied *applied,
			 struct error *err)
{
	CLEANUP_FREE char *worker = session_program(session, "coldpatch-worker");
	CLEANUP_FREE char *directory = directory_of(options->outputs[0]);
	CLEANUP_JSON json_t *input = NULL;
	const json_t *payloads;

	applied->outputs =
		workspace_new(directory, ".coldpatch", applied->prepared.run, worker, err);
	if (!applied->outputs)
		return -1;
	if (background_task_wait(applied->payloads, &payloads, err) < 0)
		return -1;
	input = commit_input(session, image, options, applied);
	json_object_update(input, (json_t *)(uintptr_t)payloads);
	return task_run(session, "commit", input, &applied->commit, err);
}

/* Owner, group and permissions of the parent's file, then durable. */
static int finish_file(const char *path, const char *parent, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (stat(parent, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", parent);
	if (fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EPERM)
		return error_os(err, ERROR_IO, errno, "%s: owner", path);
	if (fchmod(fd, st.st_mode & 0777) < 0 || fsync(fd) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

static int publish_file(const char *staged, const char *path, struct error *err)
{
	if (link(staged, path) < 0)
		return error_os(err, errno == EXDEV ? ERROR_USAGE : ERROR_IO, errno,
				"%s (all outputs must be on one file system)", path);
	return file_sync_directory_of(path, err);
}

/* The record may lie on another file system than the overlays. */
static int publish_record(const char *staged, const char *path, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};

	if (file_read(staged, MAX_RECORD, &text, err) < 0 || must_not_exist(path, err) < 0)
		return -1;
	return file_replace(path, text.data, text.len, 0644, err);
}

static int publish(const struct coldpatch_image *image,
		   const struct coldpatch_apply_options *options, const struct applied *applied,
		   const char *staged_record, struct error *err)
{
	size_t done = 0;

	for (; done < image->n_disks; done++) {
		CLEANUP_FREE char *staged = applied_path(applied, done);

		if (publish_file(staged, options->outputs[done], err) < 0)
			goto undo;
	}
	if (publish_record(staged_record, options->record, err) < 0)
		goto undo;
	return 0;
undo:
	while (done-- > 0)
		unlink(options->outputs[done]);
	return -1;
}

static int commit_and_sign(struct coldpatch_session *session, const struct coldpatch_image *image,
			   const struct coldpatch_apply_options *options, struct applied *applied,
			   struct error *err)
{
	CLEANUP_FREE char *record = NULL;

	if (make_overlays(session, image, options, applied, err) < 0)
		return -1;
	for (size_t i = 0; i < image->n_disks; i++) {
		CLEANUP_FREE char *staged = applied_path(applied, i);

		if (finish_file(staged, image->disks[i], err) < 0)
			return -1;
	}
	record = path_join(applied->outputs->path, "record.sigstore.json");
	monitor_progress(&session->monitor, "sign", NULL, 0, 0);
	if (apply_sign(session, image, options, applied, record, err) < 0)
		return error_prefix(err, "record");
	return publish(image, options, applied, record, err);
}

static int apply(struct coldpatch_session *session, const struct coldpatch_image *image,
		 const struct coldpatch_apply_options *options, struct applied *applied,
		 struct error *err)
{
	struct prepared *prepared = &applied->prepared;

	applied->started = time(NULL);
	session->stages = (struct stages){0};
	if (check_options(session, image, options, err) < 0)
		return -1;
	if (prepare_guest(session, image, prepared, err) < 0)
		return -1;
	if (options->plan_file
		    ? prepare_plan_from_file(session, options->plan_file, prepared, err) < 0
		    : prepare_plan(session, &options->plan, prepared, err) < 0)
		return -1;
	if (prepare_fit(prepared, err) < 0)
		return -1;
	if (options->dry_run || plan_is_empty(prepared->plan))
		return 0;
	if (session_prepare(session, err) < 0 || open_run_directory(session, applied, err) < 0)
		return -1;
	applied->parents = background_digests_start(image->disks, image->n_disks);
	if (make_layer(session, options, applied, err) < 0)
		return -1;
	applied->changed = true;
	return commit_and_sign(session, image, options, applied, err);
}

static void keep_error(const struct applied *applied, const struct error *err)
{
	CLEANUP_FREE char *path = applied->run_dir ? path_join(applied->run_dir, "error") : NULL;
	struct error ignored;

	if (path)
		file_replace(path, err->msg, strlen(err->msg), 0640, &ignored);
}

int coldpatch_image_apply(struct coldpatch_session *session, const struct coldpatch_image *image,
			  const struct coldpatch_apply_options *options, char **ret_json,
			  struct coldpatch_error *ret_err)
{
	CLEANUP_APPLIED struct applied applied = {0};
	CLEANUP_JSON json_t *json = NULL;
	struct error err = {0};
	int outcome;

	session->signing_key = options->key;
	outcome = apply(session, image, options, &applied, &err);
	session->signing_key = NULL;
	if (outcome < 0) {
		keep_error(&applied, &err);
		if (image->n_disks && strncmp(err.msg, image->disks[0], strlen(image->disks[0])))
			error_prefix(&err, "%s", image->disks[0]);
		return session_fail(ret_err, &err);
	}
	json = apply_summary(session, image, options, &applied);
	*ret_json = session_text(json);
	return 0;
}
