/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/text.h"
#include "fetch/acquire.h"
#include "fetch/mirror_list.h"
#include "library/inside.h"
#include "session/strings.h"
#include "session/task.h"

static void fetch_free(struct fetch *fetch)
{
	for (size_t i = 0; fetch->sources && i < fetch->options->n_sources; i++)
		free(fetch->sources[i]);
	free(fetch->sources);
	free(fetch->directory);
	free(fetch->work);
	free(fetch->stage);
	free(fetch->store);
	close_p(&fetch->lock);
	json_decref(fetch->wanted);
	json_decref(fetch->suites);
	json_decref(fetch->missing);
	json_decref(fetch->indexes);
	json_decref(fetch->snapshot);
	json_decref(fetch->packages);
}

/* ---- what the caller said ---- */

static char *read_source(const char *text, struct error *err)
{
	const char *list = fetch_list_url(text);
	char *path;

	if (mirror_url_is_safe(list ? list : text))
		return xstrdup(text);
	if (list)
		return error_set(err, ERROR_USAGE, "source %s: not the URL of a list", text), NULL;
	if (strstr(text, "://"))
		return error_set(err, ERROR_USAGE,
				 "source %s: neither an http or https URL nor a directory", text),
		       NULL;
	path = realpath(text, NULL);
	if (!path)
		error_os(err, ERROR_MISSING, errno, "source %s", text);
	return path;
}

static int read_sources(struct fetch *fetch, struct error *err)
{
	const struct coldpatch_fetch_options *options = fetch->options;

	fetch->sources = xcalloc(options->n_sources, sizeof *fetch->sources);
	for (size_t i = 0; i < options->n_sources; i++) {
		fetch->sources[i] = read_source(options->sources[i], err);
		if (!fetch->sources[i])
			return -1;
	}
	if (options->proxy && !mirror_url_is_safe(options->proxy))
		return error_set(err, ERROR_USAGE, "proxy %s: not an http or https URL",
				 options->proxy);
	return 0;
}

static int check_options(const struct coldpatch_fetch_options *options, struct error *err)
{
	if (!options->directory)
		return error_set(err, ERROR_USAGE, "no directory to fetch into was given");
	if (options->n_wants == 0)
		return error_set(err, ERROR_USAGE, "no want file was given");
	if (options->n_sources == 0)
		return error_set(err, ERROR_USAGE,
				 "no source was given: name the URL of an archive, or a directory");
	if (strings_check_digests(options->allow_digests, options->n_allow_digests, "allow", err) <
	    0)
		return -1;
	return strings_check_digests(options->trust_digests, options->n_trust_digests,
				     "trust-digest", err);
}

/* ---- the directory ---- */

static int lock_directory(struct fetch *fetch, struct error *err)
{
	CLEANUP_FREE char *path = path_join(fetch->work, "lock");

	fetch->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fetch->lock < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (flock(fetch->lock, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, ERROR_BUSY, "%s: somebody else fetches into it",
				 fetch->directory);
	return 0;
}

/* What a call leaves that has ended, however it ended. */
static void clear(const struct fetch *fetch)
{
	CLEANUP_FREE char *partial = path_join(fetch->work, "partial");
	struct error ignored;

	directory_remove(fetch->stage, &ignored);
	directory_remove(fetch->store, &ignored);
	rmdir(partial);
}

static int open_directory(struct fetch *fetch, struct error *err)
{
	CLEANUP_FREE char *inside = path_join(fetch->options->directory, ".");

	if (path_is_in_library(inside))
		return error_set(err, ERROR_USAGE, "%s: lies in a library; name a place outside",
				 fetch->options->directory);
	if (directory_make(fetch->options->directory, 0755, err) < 0)
		return -1;
	fetch->directory = realpath(fetch->options->directory, NULL);
	if (!fetch->directory)
		return error_os(err, ERROR_IO, errno, "%s", fetch->options->directory);
	fetch->work = path_join(fetch->directory, FETCH_DIRECTORY);
	fetch->stage = path_join(fetch->work, "index");
	fetch->store = path_join(fetch->work, "store");
	if (directory_make(fetch->work, 0755, err) < 0 || lock_directory(fetch, err) < 0)
		return -1;
	clear(fetch);
	return directory_make(fetch->stage, 0755, err);
}

/* ---- all of it ---- */

static int read_wants(struct fetch *fetch, struct error *err)
{
	CLEANUP_JSON json_t *input = json_object();

	json_put(input, "files", strings_to_json(fetch->options->wants, fetch->options->n_wants));
	return task_run(fetch->session, "want", input, &fetch->wanted, err);
}

static int check_keyrings(const struct fetch *fetch, struct error *err)
{
	CLEANUP_JSON json_t *keyrings = fetch_keyrings(fetch);

	if (json_array_size(keyrings))
		return 0;
	return error_set(err, ERROR_CONFIG,
			 "no keyring: the keys that may sign an archive are yours to name "
			 "(--keyring)");
}

static int run(struct fetch *fetch, struct error *err)
{
	int result;

	if (check_options(fetch->options, err) < 0 || read_sources(fetch, err) < 0 ||
	    check_keyrings(fetch, err) < 0 || read_wants(fetch, err) < 0 ||
	    open_directory(fetch, err) < 0)
		return -1;
	result = fetch_find_suites(fetch, err);
	if (result == 0)
		result = fetch_bring_indexes(fetch, err);
	if (result == 0)
		result = fetch_choose(fetch, err);
	if (result == 0)
		result = fetch_bring_packages(fetch, err);
	if (result == 0)
		result = fetch_publish(fetch, err);
	clear(fetch);
	return result;
}

/* Of a source of the manifest, in the mirror. */
static char *index_of(const json_t *source)
{
	const char *path = string_member(source, "path");

	return strcmp(path, ".") == 0 ? xstrdup(string_member(source, "index_path"))
				      : path_join(path, string_member(source, "index_path"));
}

static json_t *describe_suite(const struct fetch *fetch, const json_t *found)
{
	const char *name = string_member(found, "name");
	const struct fetch_layout *layout = fetch_layout_of(fetch, name);
	CLEANUP_FREE char *path = layout->place(name, layout->index);
	CLEANUP_FREE char *url = xstrdup(string_member(found, "source"));
	json_t *suite = json_object();
	const json_t *source;
	size_t i;

	json_put(suite, "name", json_incref(json_object_get(found, "name")));
	text_hide_passwords(url);
	json_put_string(suite, "source", url);
	json_array_foreach(json_object_get(fetch->snapshot, "sources"), i, source)
	{
		CLEANUP_FREE char *index = index_of(source);

		if (strcmp(index, path) != 0)
			continue;
		json_put(suite, "date", json_incref(json_object_get(source, "date")));
		json_put(suite, "index", json_incref(json_object_get(source, "index")));
		json_put(suite, "signer", json_incref(json_object_get(source, "signer")));
	}
	return suite;
}

static json_t *describe(const struct fetch *fetch)
{
	json_t *json = json_object(), *suites = json_array();
	const json_t *found;
	size_t i;

	json_array_foreach(fetch->suites, i, found)
		json_array_append_new(suites, describe_suite(fetch, found));
	json_put_string(json, "directory", fetch->directory);
	json_put(json, "suites", suites);
	json_put(json, "missing", json_incref(fetch->missing));
	json_put_u64(json, "packages", json_object_size(fetch->packages));
	json_put_u64(json, "fetched", fetch->n_fetched);
	json_put_u64(json, "fetched_bytes", fetch->fetched_bytes);
	return json;
}

int coldpatch_mirror_fetch(struct coldpatch_session *session,
			   const struct coldpatch_fetch_options *options, char **ret_json,
			   struct coldpatch_error *ret_err)
{
	__attribute__((cleanup(fetch_free))) struct fetch fetch = {
		.session = session,
		.options = options,
		.lock = -1,
		.suites = json_array(),
		.missing = json_array(),
		.packages = json_object(),
	};
	CLEANUP_JSON json_t *json = NULL;
	struct error err = {0};

	if (run(&fetch, &err) < 0) {
		text_hide_passwords(err.msg);
		return session_fail(ret_err, &err);
	}
	json = describe(&fetch);
	*ret_json = session_text(json);
	return 0;
}
