/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of keys.  It is said beside the public key, where everybody who verifies looks, and
 * beside the private key that this host signs with, where the signer looks.
 */
#include "base/key.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "record/keys.h"
#include "session/library_log.h"
#include "session/strings.h"

static char *name_of(const char *path)
{
	const char *name = path_last(path);
	size_t len = strlen(name);

	if (len > 4 && strcmp(name + len - 4, ".pub") == 0)
		len -= 4;
	return xstrndup(name, len);
}

/* The public key that lies beside the one that this host signs with; NULL: none does. */
static char *signing_key_id(const struct coldpatch_session *session)
{
	const char *key = session->config.key;
	size_t len = key ? strlen(key) : 0;
	CLEANUP_FREE char *path = NULL;
	struct error ignored = {0};

	if (len <= 4 || strcmp(key + len - 4, ".key") != 0)
		return NULL;
	path = xasprintf("%.*s.pub", (int)(len - 4), key);
	return key_id(path, &ignored);
}

/* --- list --- */

static const char *state_name(const struct key_end *end)
{
	if (!end)
		return "active";
	return end->revoked ? "revoked" : "retired";
}

static json_t *good_of(const char *path, const struct key_end *end)
{
	struct key_end_file file = {0};
	struct error ignored = {0};

	if (!end || key_end_read(path, end->revoked, &file, &ignored) < 0 || !file.good)
		return json_null();
	return file.good;
}

static json_t *key_to_json(const struct record_keys *keys, size_t i, const char *signing_id)
{
	size_t n;
	const char *id = key_get_id(record_keys_all(keys, &n)[i]);
	const char *path = record_keys_path(keys, i);
	const struct key_end *end = record_keys_end(keys, id);
	CLEANUP_FREE char *name = name_of(path);
	json_t *json = json_object();

	json_put_bytes(json, "name", name);
	json_put_string(json, "id", id);
	json_put_bytes(json, "file", path);
	json_put_string(json, "state", state_name(end));
	json_put(json, "since", end ? json_integer(end->time) : json_null());
	json_put_bool(json, "signs", !end && signing_id && strcmp(signing_id, id) == 0);
	json_put(json, "good", good_of(path, end));
	return json;
}

static int by_name(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	int order = strcmp(string_member(*x, "name"), string_member(*y, "name"));

	return order ? order : strcmp(string_member(*x, "file"), string_member(*y, "file"));
}

static json_t *list_keys(const struct coldpatch_session *session, const struct record_keys *keys)
{
	CLEANUP_FREE char *signing_id = signing_key_id(session);
	json_t *list = json_array(), **items;
	size_t n;

	record_keys_all(keys, &n);
	items = xcalloc(n + 1, sizeof(*items));
	for (size_t i = 0; i < n; i++)
		items[i] = key_to_json(keys, i, signing_id);
	qsort(items, n, sizeof(*items), by_name);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, items[i]);
	free(items);
	return list;
}

int coldpatch_key_list(struct coldpatch_session *session, char **ret_json,
		       struct coldpatch_error *ret_err)
{
	struct error err = {0};
	const struct record_keys *keys = session_keys(session, &err);
	CLEANUP_JSON json_t *json = json_object();

	if (!keys)
		return session_fail(ret_err, &err);
	json_put(json, "keys", list_keys(session, keys));
	*ret_json = session_text(json);
	return 0;
}

/* --- retire and revoke --- */

struct ending {
	struct coldpatch_session *session;
	const struct coldpatch_key_options *options;
	bool revoked; /* else retired */
	const char *id;
	char **paths; /* of the key, wherever it lies */
	size_t n_paths;
	bool changed;
	json_t *files; /* that say so */
	json_t *good;
};

static bool is_called(const struct record_keys *keys, size_t i, const char *name)
{
	size_t n;
	CLEANUP_FREE char *called = name_of(record_keys_path(keys, i));

	return !strcmp(called, name) || !strcmp(key_get_id(record_keys_all(keys, &n)[i]), name);
}

static int find_id(const struct record_keys *keys, struct ending *ending, struct error *err)
{
	const char *name = ending->options->name;
	size_t n;
	const struct key *const *all = record_keys_all(keys, &n);

	for (size_t i = 0; i < n; i++) {
		if (!is_called(keys, i, name))
			continue;
		if (ending->id && strcmp(ending->id, key_get_id(all[i])) != 0)
			return error_set(err, ERROR_USAGE,
					 "key %s: there are several of this name; give the id, as "
					 "`coldpatch key list` prints it",
					 name);
		ending->id = key_get_id(all[i]);
	}
	return ending->id ? 0
			  : error_set(err, ERROR_MISSING,
				      "key %s: none of this name is among the public-keys of the "
				      "configuration",
				      name);
}

static void find_paths(const struct record_keys *keys, struct ending *ending)
{
	CLEANUP_FREE char *signing_id = signing_key_id(ending->session);
	size_t n;
	const struct key *const *all = record_keys_all(keys, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(key_get_id(all[i]), ending->id))
			*ARRAY_ADD(ending->paths, ending->n_paths) =
				xstrdup(record_keys_path(keys, i));
	if (signing_id && !strcmp(signing_id, ending->id))
		*ARRAY_ADD(ending->paths, ending->n_paths) = xstrdup(ending->session->config.key);
}

/* What is said already is kept, but for what this call says anew. */
static int say(struct ending *ending, const char *path, const json_t *good, struct error *err)
{
	struct key_end_file before = {0}, after = {.revoked = ending->revoked, .time = time(NULL)};
	struct error problem = {0};
	bool known = key_end_read(path, ending->revoked, &before, &problem) == 0, same;
	int result = 0;

	if (!known && problem.kind != ERROR_MISSING) {
		*err = problem;
		return -1;
	}
	if (known)
		after.time = before.time;
	after.good = good ? json_deep_copy(good) : NULL;
	if (!ending->revoked && before.good) {
		after.good = after.good ? after.good : json_object();
		json_object_update(after.good, before.good);
	}
	same = known && (before.good == after.good || json_equal(before.good, after.good));
	if (!same && !ending->options->dry_run)
		result = key_end_write(path, &after, err);
	ending->changed = ending->changed || !same;
	json_decref(ending->good);
	ending->good = json_incref(after.good);
	json_decref(before.good);
	json_decref(after.good);
	return result;
}

static int say_everywhere(struct ending *ending, const json_t *good, struct error *err)
{
	json_array_clear(ending->files);
	for (size_t i = 0; i < ending->n_paths; i++) {
		CLEANUP_FREE char *file = key_end_path(ending->paths[i], ending->revoked);
		CLEANUP_JSON json_t *name = json_bytes(file);
		bool there = false;
		const json_t *one;
		size_t j;

		json_array_foreach(ending->files, j, one) there = there || json_equal(one, name);
		if (there)
			continue;
		if (say(ending, ending->paths[i], good, err) < 0)
			return -1;
		json_array_append(ending->files, name);
	}
	return 0;
}

/* From the first writing on, nothing more is signed; only then the heads are read.  By a list of
 * before, which is another library's, none of them would be good. */
static int say_retired(struct ending *ending, struct error *err)
{
	CLEANUP_LOG struct head_log log = {0};
	CLEANUP_JSON json_t *good = NULL;

	if (say_everywhere(ending, NULL, err) < 0)
		return -1;
	if (!ending->session->config.library)
		return 0;
	record_keys_forget_good(ending->session->keys, ending->id);
	if (head_log_of_library(ending->session, &log, err) < 0)
		return -1;
	good = head_log_to_good(&log);
	return say_everywhere(ending, good, err);
}

static int say_revoked(struct ending *ending, struct error *err)
{
	CLEANUP_LOG struct head_log log = {0};
	CLEANUP_JSON json_t *good = NULL;

	if (ending->options->good && head_log_read(ending->options->good, &log, err) < 0)
		return -1;
	good = head_log_to_good(&log);
	return say_everywhere(ending, good, err);
}

static int end_key(struct ending *ending, struct error *err)
{
	const char *const names[] = {ending->options->name, ending->options->good};
	const struct record_keys *keys;

	if (strings_check(names, 2, "key or file", err) < 0)
		return -1;
	keys = session_keys(ending->session, err);
	if (!keys || find_id(keys, ending, err) < 0)
		return -1;
	if (!ending->revoked && record_keys_is_revoked(keys, ending->id))
		return error_set(err, ERROR_DENIED, "key %s: is revoked, which is more",
				 ending->options->name);
	find_paths(keys, ending);
	return (ending->revoked ? say_revoked : say_retired)(ending, err);
}

static json_t *outcome(const struct ending *ending)
{
	CLEANUP_FREE char *name = name_of(ending->paths[0]);
	json_t *json = json_object();

	json_put_bytes(json, "name", name);
	json_put_string(json, "id", ending->id);
	json_put_string(json, "state", ending->revoked ? "revoked" : "retired");
	json_put_bool(json, "changed", ending->changed);
	json_put(json, "files", json_incref(ending->files));
	json_put(json, "good", ending->good ? json_incref(ending->good) : json_null());
	return json;
}

/* What the session knows of its keys is of before. */
static void forget_keys(struct coldpatch_session *session)
{
	record_keys_free(session->keys);
	session->keys = NULL;
}

static int run(struct ending *ending, char **ret_json, struct coldpatch_error *ret_err)
{
	CLEANUP_JSON json_t *json = NULL;
	struct error err = {0};
	int result;

	ending->files = json_array();
	result = end_key(ending, &err);
	if (result == 0)
		json = outcome(ending);
	forget_keys(ending->session);
	for (size_t i = 0; i < ending->n_paths; i++)
		free(ending->paths[i]);
	free(ending->paths);
	json_decref(ending->files);
	json_decref(ending->good);
	if (result < 0)
		return session_fail(ret_err, &err);
	*ret_json = session_text(json);
	return 0;
}

int coldpatch_key_retire(struct coldpatch_session *session,
			 const struct coldpatch_key_options *options, char **ret_json,
			 struct coldpatch_error *ret_err)
{
	struct ending ending = {.session = session, .options = options};

	return run(&ending, ret_json, ret_err);
}

int coldpatch_key_revoke(struct coldpatch_session *session,
			 const struct coldpatch_key_options *options, char **ret_json,
			 struct coldpatch_error *ret_err)
{
	struct ending ending = {.session = session, .options = options, .revoked = true};

	return run(&ending, ret_json, ret_err);
}
