/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/mirror.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "session/image.h"
#include "session/library.h"
#include "session/strings.h"
#include "session/task.h"
#include "session/workspace.h"

enum { DAY_S = 86400 };

static json_t *list_of(char *const *strings, unsigned n)
{
	return strings_to_json((const char *const *)strings, n);
}

static void put_os(json_t *mirror, const char *id, const char *version)
{
	if (!id)
		return;
	json_put_string(mirror, "os_id", id);
	if (version)
		json_put_string(mirror, "os_version", version);
}

static json_t *configured_mirror(const struct config_mirror *config)
{
	json_t *mirror = json_object();

	json_put_string(mirror, "path", config->path);
	json_put(mirror, "suites", list_of(config->suites, config->n_suites));
	json_put(mirror, "keyrings", list_of(config->keyrings, config->n_keyrings));
	if (config->os)
		put_os(mirror, config->os->id, config->os->version);
	json_put_u64(mirror, "priority", config->priority);
	json_put_bool(mirror, "module_hotfixes", config->module_hotfixes);
	json_put(mirror, "excludes", list_of(config->excludes, config->n_excludes));
	json_put(mirror, "trust_digests", list_of(config->trust_digests, config->n_trust_digests));
	json_put(mirror, "trust_packages",
		 list_of(config->trust_packages, config->n_trust_packages));
	json_put_u64(mirror, "maximum_age", config->maximum_age_days * DAY_S);
	return mirror;
}

static json_t *configured_mirrors(const struct config *config)
{
	json_t *mirrors = json_array();

	for (unsigned i = 0; i < config->n_mirrors; i++)
		json_array_append_new(mirrors, configured_mirror(&config->mirrors[i]));
	return mirrors;
}

static json_t *named_mirror(const struct coldpatch_mirror_options *options, const char *path)
{
	json_t *mirror = json_object();

	json_put_string(mirror, "path", path);
	json_put(mirror, "suites", strings_to_json(options->suites, options->n_suites));
	json_put(mirror, "keyrings", strings_to_json(options->keyrings, options->n_keyrings));
	put_os(mirror, options->os_id, options->os_version);
	json_put(mirror, "trust_digests",
		 strings_to_json(options->trust_digests, options->n_trust_digests));
	json_put(mirror, "trust_packages",
		 strings_to_json(options->trust_packages, options->n_trust_packages));
	return mirror;
}

static json_t *named_mirrors(const struct coldpatch_mirror_options *options)
{
	json_t *mirrors = json_array();

	for (size_t i = 0; i < options->n_mirrors; i++)
		json_array_append_new(mirrors, named_mirror(options, options->mirrors[i]));
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
	const char *const os[] = {options->os_id, options->os_version};
	const struct {
		const char *const *items;
		size_t n;
		const char *what;
	} lists[] = {
		{options->mirrors, options->n_mirrors, "mirror"},
		{options->suites, options->n_suites, "suite"},
		{options->keyrings, options->n_keyrings, "keyring"},
		{os, 2, "distribution"},
	};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (strings_check(lists[i].items, lists[i].n, lists[i].what, err) < 0)
			return -1;
	if (strings_check_digests(options->allow_digests, options->n_allow_digests, "allow", err) <
		    0 ||
	    strings_check_digests(options->trust_digests, options->n_trust_digests, "trust-digest",
				  err) < 0)
		return -1;
	return strings_check_digests(options->trust_packages, options->n_trust_packages,
				     "trust-package", err);
}

static int make(struct coldpatch_session *session, const json_t *input, json_t **ret,
		struct error *err)
{
	return session_prepare(session, err) < 0 ? -1
						 : task_run(session, "snapshot", input, ret, err);
}

/* What is unpacked on the way lies in scratch. */
static int try(struct coldpatch_session *session, json_t *input, json_t **ret, struct error *err)
{
	CLEANUP_FREE char *janitor = session_program(session, "coldpatch-janitor");
	CLEANUP_FREE char *run = run_id_new();
	CLEANUP(workspace_free)
	struct workspace *workspace = NULL;

	if (session_check_store(session, err) < 0)
		return -1;
	if (directory_make(session->config.scratch, 0700, err) < 0)
		return error_prefix(err, "scratch");
	workspace = workspace_new(session->config.scratch, WORKSPACE_PREFIX, run, janitor, err);
	if (!workspace)
		return -1;
	json_put_string(input, "scratch", workspace->path);
	return task_run(session, "try-snapshot", input, ret, err);
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
	    (options->dry_run ? try(session, input, &result, &err)
			      : make(session, input, &result, &err)) < 0)
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
