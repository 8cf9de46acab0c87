/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Applying a plan to an image: guest -> plan -> layer -> overlay and record.
 *
 * Nothing is visible before the last step (destination.h): of a loose image, overlays and record
 * are made in a hidden workspace beside the first output and linked into place, the record last, so
 * that a record that is there speaks of overlays that are there; of a template, a generation
 * becomes the current one by its head.
 */
#include "session/apply.h"

#include <string.h>
#include <time.h>

#include "base/file.h"
#include "record/record.h"
#include "run/run.h"
#include "session/hidden.h"
#include "session/strings.h"
#include "session/task.h"

enum { DEFAULT_DEADLINE_S = 3600 };

static void applied_free(struct applied *applied)
{
	prepared_free(&applied->prepared);
	apply_ahead_free(&applied->ahead, &applied->destination);
	destination_free(&applied->destination);
	payloads_free(applied->payloads);
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
	struct record_keys *keys = session_open_keys(session, err);
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
			 const struct destination *destination, struct error *err)
{
	const struct coldpatch_apply_options *options = &destination->options;

	if (check_names(options, err) < 0)
		return -1;
	if (options->executor && !config_is_executor(options->executor))
		return error_set(err, ERROR_USAGE,
				 "executor: %s is none of auto, sandbox, appliance",
				 options->executor);
	if (!options->plan_file && prepare_check_options(&options->plan, err) < 0)
		return -1;
	if (options->dry_run)
		return 0;
	if (!session_signing_key(session, options->key, err) ||
	    destination_check(destination, err) < 0)
		return -1;
	/* A template's own is checked with its heads. */
	if (!options->parent_record || destination->resolved.template)
		return 0;
	return check_parent_record(session, options->parent_record, err);
}

/* The run's directory keeps plan, log and error, of failed ones too. */
static int open_run_directory(struct applied *applied, struct error *err)
{
	CLEANUP_FREE char *plan_path = NULL;
	CLEANUP_JSON json_t *plan = plan_to_json(applied->prepared.plan);

	applied->run_dir =
		destination_run_directory(&applied->destination, applied->prepared.run, err);
	if (!applied->run_dir)
		return -1;
	applied->log_path = path_join(applied->run_dir, "log");
	plan_path = path_join(applied->run_dir, "plan.json");
	return json_write_file(plan_path, plan, 0640, err);
}

static json_t *layer_input(const struct coldpatch_session *session, const char *executor,
			   const struct applied *applied)
{
	const struct coldpatch_apply_options *options = &applied->destination.options;
	const struct prepared *prepared = &applied->prepared;
	const json_t *files = json_object_get(prepared->image, "files");
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
	json_put_string(input, "executor", executor);
	json_put_bool(input, "sandbox_ok",
		      destination_sandbox_allowed(&applied->destination, files));
	json_put_u64(input, "deadline_s", deadline);
	json_put_u64(input, "copy_limit", session->config.copy_limit_mib << 20);
	json_put_bool(input, "check_filesystems", !checked_before(session, files));
	json_put_bool(input, "boot_test", options->boot_test);
	return input;
}

/* The inputs of all tasks share the image. */
static void want_firmware(const struct applied *applied)
{
	json_put_bool(applied->prepared.image, "firmware", true);
}

/* What the packages bring is known while they are unpacked; where it has to be known before, that
 * is waited for. */
static int check_places(const struct applied *applied, struct error *err)
{
	const struct prepared *prepared = &applied->prepared;
	const json_t *payloads;
	bool wanted = false;

	if (!hidden_places(prepared->guest))
		return 0;
	if (payloads_wait(applied->payloads, &payloads, err) < 0 ||
	    hidden_check_packages(prepared->guest, prepared->plan, payloads, &wanted, err) < 0)
		return -1;
	if (wanted || hidden_has_menu(prepared->guest, prepared->plan))
		want_firmware(applied);
	return 0;
}

static int run_layer(struct coldpatch_session *session, struct applied *applied,
		     const json_t *input, struct error *err)
{
	if (task_run(session, "layer", input, &applied->layer, err) < 0)
		return -1;
	if (!json_is_true(json_object_get(applied->layer, "firmware_wanted")))
		return 0;
	want_firmware(applied);
	json_decref(steal(applied->layer));
	return task_run(session, "layer", input, &applied->layer, err);
}

static int make_layer(struct coldpatch_session *session, struct applied *applied, struct error *err)
{
	const json_t *files = json_object_get(applied->prepared.image, "files");
	const char *executor = destination_executor(&applied->destination, files, err);
	CLEANUP_JSON json_t *input = NULL;

	if (!executor)
		return -1;
	input = layer_input(session, executor, applied);
	applied->payloads = payloads_start(session, applied->prepared.plan,
					   &applied->prepared.snapshot->digest);
	if (check_places(applied, err) < 0 || run_layer(session, applied, input, err) < 0)
		return -1;
	remember_checked(session, files);
	return 0;
}

/* A dry run refuses what policy refuses; whether the executor works is for those who run it. */
static int check_executor(const struct applied *applied, struct error *err)
{
	const struct destination *destination = &applied->destination;
	const json_t *files = json_object_get(applied->prepared.image, "files");
	const char *executor = destination_executor(destination, files, err);

	if (!executor)
		return -1;
	if (strcmp(executor, "auto") != 0 || destination_sandbox_allowed(destination, files))
		return 0;
	return executor_choose(executor, false, err) ? 0 : -1;
}

static json_t *overlays_input(const struct destination *destination)
{
	json_t *overlays = json_array();

	for (size_t i = 0; i < destination->resolved.image.n_disks; i++) {
		CLEANUP_FREE char *path = destination_overlay(destination, i);
		CLEANUP_FREE char *backing = destination_backing_name(destination, i);
		CLEANUP_FREE char *directory = destination_directory(destination, i);
		json_t *overlay = json_object();

		json_put_string(overlay, "path", path);
		json_put_string(overlay, "backing_name", backing);
		json_put_string(overlay, "directory", directory);
		json_array_append_new(overlays, overlay);
	}
	return overlays;
}

static json_t *commit_input(const struct coldpatch_session *session, const struct applied *applied)
{
	const struct prepared *prepared = &applied->prepared;
	const struct destination *destination = &applied->destination;
	CLEANUP_FREE char *console = path_join(applied->run_dir, "console");
	json_t *input = json_object();

	json_put(input, "image", json_incref(prepared->image));
	json_put(input, "plan", plan_to_json(prepared->plan));
	json_put(input, "overlays", overlays_input(destination));
	json_put(input, "squash",
		 destination->squash.due ? squash_to_json(&destination->squash) : json_null());
	json_put_string(input, "store", session->config.store);
	json_put_string(input, "layer",
			string_member(json_object_get(applied->layer, "layer"), "digest"));
	json_put_bool(input, "boot_test", destination->options.boot_test);
	json_put_bool(input, "sandbox_ok",
		      destination_sandbox_allowed(destination,
						  json_object_get(prepared->image, "files")));
	json_put_string(input, "console", console);
	return input;
}

static int make_overlays(struct coldpatch_session *session, struct applied *applied,
			 struct error *err)
{
	CLEANUP_JSON json_t *input = NULL;
	const json_t *payloads;

	if (destination_stage(&applied->destination, applied->prepared.run, err) < 0 ||
	    payloads_wait(applied->payloads, &payloads, err) < 0)
		return -1;
	input = commit_input(session, applied);
	json_put(input, "payloads", json_incref((json_t *)(uintptr_t)payloads));
	return apply_ahead_commit(&applied->ahead, &applied->destination, input, &applied->commit,
				  err);
}

static int commit_and_sign(struct coldpatch_session *session, struct applied *applied,
			   struct error *err)
{
	CLEANUP_FREE char *record = NULL;

	if (make_overlays(session, applied, err) < 0)
		return -1;
	record = destination_staged(&applied->destination, "record.sigstore.json");
	monitor_progress(&session->monitor, "sign", NULL, 0, 0);
	if (apply_sign(session, applied, record, err) < 0)
		return error_prefix(err, "record");
	return destination_publish(&applied->destination, applied->prepared.run, applied->log_path,
				   err);
}

static int plan(struct coldpatch_session *session, struct applied *applied, struct error *err)
{
	const struct coldpatch_apply_options *options = &applied->destination.options;
	struct prepared *prepared = &applied->prepared;

	if (prepare_guest(session, &applied->destination.resolved.image, prepared, err) < 0)
		return -1;
	if (options->plan_file
		    ? prepare_plan_from_file(session, options->plan_file, prepared, err) < 0
		    : prepare_plan(session, &options->plan, prepared, err) < 0)
		return -1;
	if (destination_check_plan(&applied->destination, prepared->plan, err) < 0)
		return -1;
	return prepare_fit(prepared, err);
}

static int apply(struct coldpatch_session *session, const struct coldpatch_image *image,
		 const struct coldpatch_apply_options *options, struct applied *applied,
		 struct error *err)
{

	applied->started = time(NULL);
	session->stages = (struct stages){0};
	if (destination_open(session, image, options, &applied->destination, err) < 0 ||
	    check_options(session, &applied->destination, err) < 0 ||
	    plan(session, applied, err) < 0)
		return -1;
	if (plan_is_empty(applied->prepared.plan))
		return 0;
	if (options->dry_run)
		return check_executor(applied, err);
	if (destination_lease(&applied->destination, applied->prepared.run, err) < 0 ||
	    session_prepare(session, err) < 0 || open_run_directory(applied, err) < 0)
		return -1;
	apply_ahead_begin(&applied->ahead, &applied->destination);
	if (make_layer(session, applied, err) < 0)
		return -1;
	applied->changed = true;
	return commit_and_sign(session, applied, err);
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

static int fail(const struct applied *applied, const struct error *err,
		struct coldpatch_error *ret_err)
{
	const struct prepared *prepared = &applied->prepared;
	struct digest digest;

	if (prepared->plan)
		plan_digest(prepared->plan, &digest);
	return session_fail_change(ret_err, err, prepared->run, applied->destination.resolved.name,
				   prepared->plan ? &digest : NULL);
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
		prepare_name_image(image, &err);
		return fail(&applied, &err, ret_err);
	}
	json = apply_summary(session, &applied);
	*ret_json = session_text(json);
	return 0;
}
