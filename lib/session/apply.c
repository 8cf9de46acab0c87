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
#include "record/record.h"
#include "session/outputs.h"
#include "session/strings.h"
#include "session/task.h"

enum { DEFAULT_DEADLINE_S = 3600 };

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

/* Before the run; that it speaks of this very image is known when that has its digest. */
static int check_parent_record(const struct coldpatch_session *session, const char *path,
			       struct error *err)
{
	CLEANUP(record_keys_free)
	struct record_keys *keys =
		record_keys_open((const char *const *)session->config.public_keys,
				 session->config.n_public_keys, err);
	CLEANUP(record_free)
	struct record *record = keys ? record_read(path, keys, NULL, err) : NULL;

	return record ? 0 : error_prefix(err, "parent record");
}

static int check_names(const struct coldpatch_apply_options *options, struct error *err)
{
	const char *const strings[] = {options->plan_file, options->record, options->parent_record,
				       options->key,	   options->actor,  options->reason};

	if (strings_check(options->outputs, options->n_outputs, "output", err) < 0)
		return -1;
	return strings_check(strings, sizeof strings / sizeof *strings, "option", err);
}

static int check_options(const struct coldpatch_session *session,
			 const struct coldpatch_image *image,
			 const struct coldpatch_apply_options *options, struct error *err)
{
	const char *key = options->key ? options->key : session->config.key;

	if (check_names(options, err) < 0)
		return -1;
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
	if (options->parent_record && check_parent_record(session, options->parent_record, err) < 0)
		return -1;
	return outputs_check(options, err);
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
		CLEANUP_FREE char *path = json_bytes_value(json_object_get(file, "path"));
		struct stat st;

		if (!path || stat(path, &st) < 0 || st.st_uid != getuid())
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
	CLEANUP_FREE char *appliances = path_join(session->config.state, "appliances");
	json_t *input = json_object();
	unsigned deadline = options->deadline_s ? options->deadline_s : DEFAULT_DEADLINE_S;

	json_put(input, "image", json_incref(prepared->image));
	json_put(input, "plan", plan_to_json(prepared->plan));
	json_put_string(input, "store", session->config.store);
	json_put_digest(input, "snapshot", &prepared->snapshot->digest);
	json_put_string(input, "work_dir", prepared->workspace->path);
	json_put_string(input, "runner", runner);
	json_put_string(input, "appliance_cache", appliances);
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
	CLEANUP_FREE char *output_dir = outputs_directory(output);
	CLEANUP_FREE char *real_output_dir = realpath(output_dir, NULL);
	CLEANUP_FREE char *real_parent = realpath(parent, NULL);
	CLEANUP_FREE char *parent_dir = real_parent ? outputs_directory(real_parent) : NULL;
	const char *name;

	if (!real_parent || !real_output_dir)
		return xstrdup(parent);
	if (strcmp(parent_dir, real_output_dir) != 0)
		return steal(real_parent);
	name = strrchr(real_parent, '/') + 1;
	/* What stands before a colon would be the name of a protocol. */
	return strchr(name, ':') ? xasprintf("./%s", name) : xstrdup(name);
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
		CLEANUP_FREE char *directory = outputs_directory(options->outputs[i]);
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
	CLEANUP_FREE char *directory = outputs_directory(options->outputs[0]);
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

static int publish(const struct coldpatch_image *image,
		   const struct coldpatch_apply_options *options, const struct applied *applied,
		   const char *staged_record, struct error *err)
{
	char **staged = xcalloc(image->n_disks, sizeof *staged);
	int result;

	for (size_t i = 0; i < image->n_disks; i++)
		staged[i] = applied_path(applied, i);
	result = outputs_publish(options, (const char *const *)staged, staged_record, err);
	for (size_t i = 0; i < image->n_disks; i++)
		free(staged[i]);
	free(staged);
	return result;
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
	char text[ERROR_TEXT_SIZE];
	struct error ignored;

	error_text(err, text);
	if (path)
		file_replace(path, text, strlen(text), 0640, &ignored);
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
