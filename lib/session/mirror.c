/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/mirror.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "session/library.h"
#include "session/strings.h"
#include "session/task.h"

enum { DAY_S = 86400 };

static json_t *mirror_to_json(const char *path, json_t *suites, json_t *keyrings)
{
	json_t *mirror = json_object();

	json_put_string(mirror, "path", path);
	json_put(mirror, "suites", suites);
	json_put(mirror, "keyrings", keyrings);
	return mirror;
}

static json_t *configured_mirrors(const struct config *config)
{
	json_t *mirrors = json_array();

	for (unsigned i = 0; i < config->n_mirrors; i++) {
		const struct config_mirror *mirror = &config->mirrors[i];

		json_array_append_new(
			mirrors,
			mirror_to_json(mirror->path,
				       strings_to_json((const char *const *)mirror->suites,
						       mirror->n_suites),
				       strings_to_json((const char *const *)mirror->keyrings,
						       mirror->n_keyrings)));
	}
	return mirrors;
}

static json_t *named_mirrors(const struct coldpatch_mirror_options *options)
{
	json_t *mirrors = json_array();

	for (size_t i = 0; i < options->n_mirrors; i++)
		json_array_append_new(
			mirrors,
			mirror_to_json(options->mirrors[i],
				       strings_to_json(options->suites, options->n_suites),
				       strings_to_json(options->keyrings, options->n_keyrings)));
	return mirrors;
}

static json_t *snapshot_input(const struct coldpatch_session *session,
			      const struct coldpatch_mirror_options *options)
{
	json_t *input = json_object();
	/* In a directory of its own: the worker may write there, and keys may be beside it. */
	CLEANUP_FREE char *high_water = path_join(session->config.state, "high-water/mirrors.json");

	json_put_string(input, "store", session->config.store);
	json_put(input, "mirrors",
		 options->n_mirrors ? named_mirrors(options)
				    : configured_mirrors(&session->config));
	json_put_u64(input, "now", time(NULL));
	json_put_u64(input, "maximum_age", session->config.maximum_age_days * DAY_S);
	json_put_string(input, "high_water_file", high_water);
	json_put(input, "allow_digests",
		 strings_to_json(options->allow_digests, options->n_allow_digests));
	return input;
}

static int check_mirrors(const json_t *mirrors, struct error *err)
{
	const json_t *mirror;
	size_t i;

	if (json_array_size(mirrors) == 0)
		return error_set(
			err, ERROR_USAGE,
			"no mirror: name a directory, or list mirrors in the configuration");
	json_array_foreach(mirrors, i, mirror) if (
		json_array_size(json_object_get(mirror, "keyrings")) ==
		0) return error_set(err, ERROR_CONFIG,
				    "%s: no keyring: the keys that may sign a mirror are yours to "
				    "name (--keyring)",
				    string_member(mirror, "path"));
	return 0;
}

static int check_names(const struct coldpatch_mirror_options *options, struct error *err)
{
	if (strings_check(options->mirrors, options->n_mirrors, "mirror", err) < 0 ||
	    strings_check(options->suites, options->n_suites, "suite", err) < 0 ||
	    strings_check(options->keyrings, options->n_keyrings, "keyring", err) < 0)
		return -1;
	return strings_check(options->allow_digests, options->n_allow_digests, "digest", err);
}

int coldpatch_mirror_snapshot(struct coldpatch_session *session,
			      const struct coldpatch_mirror_options *options, char **ret_json,
			      struct coldpatch_error *ret_err)
{
	CLEANUP_JSON json_t *input = NULL, *result = NULL;
	struct error err = {0};

	if (check_names(options, &err) < 0)
		return session_fail(ret_err, &err);
	input = snapshot_input(session, options);
	if (check_mirrors(json_object_get(input, "mirrors"), &err) < 0 ||
	    session_prepare(session, &err) < 0 ||
	    task_run(session, "snapshot", input, &result, &err) < 0)
		return session_fail(ret_err, &err);
	*ret_json = session_text(result);
	return 0;
}

int coldpatch_mirror_verify(struct coldpatch_session *session, const char *snapshot,
			    char **ret_json, struct coldpatch_error *ret_err)
{
	CLEANUP_JSON json_t *input = json_object(), *result = NULL;
	struct error err = {0};

	if (strings_check(&snapshot, 1, "mirror snapshot", &err) < 0)
		return session_fail(ret_err, &err);
	json_put_string(input, "store", session->config.store);
	json_put_string(input, "snapshot", snapshot);
	if (task_run(session, "verify-snapshot", input, &result, &err) < 0)
		return session_fail(ret_err, &err);
	*ret_json = session_text(result);
	return 0;
}

static json_t *describe(const char *store, const char *name)
{
	struct error err = {0};
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = mirror_snapshot_open(store, name, &err);
	json_t *damaged;

	if (snapshot)
		return mirror_snapshot_to_json(snapshot);
	damaged = json_object();
	json_put_string(damaged, "digest", name);
	json_put_bytes(damaged, "damaged", err.msg);
	return damaged;
}

/* A name that was mistyped is no empty store. */
static int check_store(const struct coldpatch_session *session, struct error *err)
{
	struct stat st;

	if (stat(session->config.store, &st) == 0)
		return 0;
	return error_os(err, ERROR_MISSING, errno,
			"store %s (a mirror snapshot makes it, --store names another)",
			session->config.store);
}

int coldpatch_mirror_list(struct coldpatch_session *session, char **ret_json,
			  struct coldpatch_error *ret_err)
{
	CLEANUP_JSON json_t *list = json_array();
	char **names = NULL;
	size_t n = 0;
	struct error err = {0};

	if (session_check_library(session, &err) < 0 || check_store(session, &err) < 0 ||
	    mirror_snapshot_list(session->config.store, &names, &n, &err) < 0)
		return session_fail(ret_err, &err);
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list, describe(session->config.store, names[i]));
		free(names[i]);
	}
	free(names);
	*ret_json = session_text(list);
	return 0;
}
