/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/record.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "session/image.h"
#include "session/session.h"
#include "session/strings.h"
#include "session/task.h"
#include "session/workspace.h"

/* What tells of a key's end lies beside it; the worker may read only what is named. */
static json_t *key_ends(const char *const *keys, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < 2 * n; i++) {
		CLEANUP_FREE char *path = key_end_path(keys[i / 2], i % 2);

		if (access(path, F_OK) == 0)
			json_array_append_new(list, json_string(path));
	}
	return list;
}

static json_t *verify_input(const struct coldpatch_session *session,
			    const struct coldpatch_verify_options *options)
{
	json_t *input = json_object();
	bool given = options->n_public_keys > 0;
	const char *const *keys =
		given ? options->public_keys : (const char *const *)session->config.public_keys;
	size_t n_keys = given ? options->n_public_keys : session->config.n_public_keys;

	json_put(input, "overlays", strings_to_json(options->overlays, options->n_overlays));
	json_put_string(input, "record", options->record);
	json_put(input, "parent_records",
		 strings_to_json(options->parent_records, options->n_parent_records));
	json_put(input, "public_keys", strings_to_json(keys, n_keys));
	json_put(input, "key_ends", key_ends(keys, n_keys));
	json_put(input, "backing", strings_to_json(options->backing, options->n_backing));
	/* Where the files lie that the headers name is known only when they are read. */
	if (options->n_backing == 0)
		json_put(input, "chain_below", json_pack("[s]", "/"));
	return input;
}

static int check_names(const struct coldpatch_verify_options *options, struct error *err)
{
	if (strings_check(options->overlays, options->n_overlays, "overlay", err) < 0 ||
	    strings_check(&options->record, 1, "record", err) < 0 ||
	    strings_check(options->parent_records, options->n_parent_records, "parent record",
			  err) < 0 ||
	    strings_check(options->public_keys, options->n_public_keys, "public key", err) < 0)
		return -1;
	return strings_check(options->backing, options->n_backing, "backing file", err);
}

static int has_bad_finding(const json_t *findings)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(findings, i,
			   finding) if (!strcmp(string_member(finding, "status"), "bad")) return 1;
	return 0;
}

/* Who may not write to scratch can verify all the same, as far as records reach. */
static struct workspace *work_place(const struct coldpatch_session *session)
{
	CLEANUP_FREE char *janitor = session_program(session, "coldpatch-janitor");
	CLEANUP_FREE char *run = run_id_new();
	struct error ignored = {0};

	if (directory_make(session->config.scratch, 0700, &ignored) < 0)
		return NULL;
	return workspace_new(session->config.scratch, WORKSPACE_PREFIX, run, janitor, &ignored);
}

int coldpatch_record_verify(struct coldpatch_session *session,
			    const struct coldpatch_verify_options *options, char **ret_json,
			    struct coldpatch_error *ret_err)
{
	CLEANUP(workspace_free)
	struct workspace *workspace = NULL;
	CLEANUP_JSON json_t *input = NULL, *result = NULL;
	struct error err = {0};

	if (check_names(options, &err) < 0)
		return session_fail(ret_err, &err);
	input = verify_input(session, options);
	workspace = work_place(session);
	if (workspace)
		json_put_string(input, "work_dir", workspace->path);
	if (json_array_size(json_object_get(input, "public_keys")) == 0)
		error_set(&err, ERROR_CONFIG,
			  "no public key to verify with; name one with --public-key");
	else if (task_run(session, "verify-record", input, &result, &err) == 0) {
		json_put_u64(result, "code",
			     has_bad_finding(json_object_get(result, "findings")) ? COLDPATCH_FOUND
										  : COLDPATCH_OK);
		*ret_json = session_text(result);
		return 0;
	}
	return session_fail(ret_err, &err);
}

static int generate(const char *directory, const struct coldpatch_generate_options *options,
		    char **ret_id, struct error *err)
{
	if (options->dry_run)
		return key_generate_check(directory, options->name, err);
	return key_generate(directory, options->name, ret_id, err);
}

int coldpatch_key_generate(struct coldpatch_session *session,
			   const struct coldpatch_generate_options *options, char **ret_json,
			   struct coldpatch_error *ret_err)
{
	CLEANUP_FREE char *id = NULL, *private_path = NULL, *public_path = NULL;
	CLEANUP_JSON json_t *json = NULL;
	const char *where = options->directory ? options->directory : session->config.state;
	const char *const names[] = {options->directory, options->name};
	struct error err = {0};

	if (strings_check(names, 2, "key or directory", &err) < 0 ||
	    generate(where, options, &id, &err) < 0)
		return session_fail(ret_err, &err);
	private_path = xasprintf("%s/%s.key", where, options->name);
	public_path = xasprintf("%s/%s.pub", where, options->name);
	json = json_object();
	json_put_string(json, "id", id);
	json_put_bytes(json, "private", private_path);
	json_put_bytes(json, "public", public_path);
	*ret_json = session_text(json);
	return 0;
}
