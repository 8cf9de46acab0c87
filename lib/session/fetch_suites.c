/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "fetch/acquire.h"
#include "session/fetch.h"
#include "session/strings.h"

static int find_at(struct fetch *fetch, const char *source, json_t *unfound, struct error *err)
{
	const struct fetch_layout *apt = fetch_layout_find(FETCH_APT);
	CLEANUP_JSON json_t *states = NULL;
	json_t *files, *suite;
	size_t i;

	if (fetch_list_url(source))
		return error_set(err, ERROR_USAGE,
				 "source %s: such a list is of repomd repositories, and suites "
				 "are wanted: name an archive that has them",
				 source);
	files = json_array();
	json_array_foreach(unfound, i, suite)
	{
		CLEANUP_FREE char *remote = apt->remote(string_member(suite, "name"), apt->index);
		CLEANUP_FREE char *path = xasprintf(FETCH_DIRECTORY "/index/%s", remote);

		json_array_append_new(files, fetch_file(source, remote, path, NULL, true));
	}
	if (fetch_acquire(fetch, files, &states, err) < 0)
		return -1;
	for (i = json_array_size(unfound); i-- > 0;) {
		suite = json_array_get(unfound, i);
		if (fetch_is(states, i, "absent"))
			continue;
		json_put_string(suite, "source", source);
		json_array_append(fetch->suites, suite);
		json_array_remove(unfound, i);
	}
	return 0;
}

/* ---- repositories: each source may be one ---- */

/* The vendor's word on whose they are is often missing; that of the wants is there, if it is one.
 */
static int take_system(struct fetch *fetch, struct error *err)
{
	const json_t *block;
	size_t i;

	json_array_foreach(json_object_get(fetch->wanted, "blocks"), i, block)
	{
		const char *os_id = string_member(block, "os_id");

		if (strcmp(string_member(block, "layout"), FETCH_REPOMD) != 0)
			continue;
		if (json_array_size(json_object_get(fetch->wanted, "suites")))
			return error_set(
				err, ERROR_USAGE,
				"suites and guests of %s are wanted: fetch them in calls of "
				"their own, each into a directory of its own",
				os_id);
		if (fetch->os_id && strcmp(fetch->os_id, os_id) != 0)
			return error_set(err, ERROR_USAGE,
					 "guests of %s and of %s are wanted: fetch for one "
					 "distribution at a time, each into a directory of its own",
					 fetch->os_id, os_id);
		fetch->os_id = os_id;
	}
	return 0;
}

static json_t *index_files(const char *source, const char *name)
{
	const struct fetch_layout *layout = fetch_layout_find(FETCH_REPOMD);
	CLEANUP_FREE char *index = layout->place(name, layout->index);
	CLEANUP_FREE char *signature = layout->place(name, layout->signature);
	CLEANUP_FREE char *index_path = xasprintf(FETCH_DIRECTORY "/index/%s", index);
	CLEANUP_FREE char *signature_path = xasprintf(FETCH_DIRECTORY "/index/%s", signature);
	json_t *files = json_array();

	json_array_append_new(files, fetch_file(source, layout->index, index_path, NULL, true));
	json_array_append_new(files,
			      fetch_file(source, layout->signature, signature_path, NULL, true));
	return files;
}

/* 1: it is there; 0: not; -1. */
static int find_repository_at(struct fetch *fetch, const char *source, const char *name,
			      struct error *err)
{
	CLEANUP_JSON json_t *states = NULL;
	json_t *suite;

	if (fetch_acquire(fetch, index_files(source, name), &states, err) < 0)
		return -1;
	if (fetch_is(states, 0, "absent"))
		return 0;
	suite = json_object();
	json_put_string(suite, "name", name);
	json_put_string(suite, "layout", FETCH_REPOMD);
	json_put(suite, "architectures", json_array());
	json_put_string(suite, "source", source);
	json_put_bool(suite, "signature", !fetch_is(states, 1, "absent"));
	json_array_append_new(fetch->suites, suite);
	return 1;
}

/* The first that answers and has it is where it is taken from; all of it, so that it is of one
 * state. */
static int find_listed(struct fetch *fetch, const char *source, const char *name, struct error *err)
{
	CLEANUP_JSON json_t *urls = NULL;
	const json_t *url;
	int found = 0;
	size_t i;

	if (fetch_list(fetch, source, &urls, err) < 0)
		return -1;
	json_array_foreach(urls, i, url)
	{
		CLEANUP_FREE char *told = NULL;
		struct error problem = {0};

		found = find_repository_at(fetch, json_string_value(url), name, &problem);
		if (found > 0)
			return 1;
		if (problem.kind == ERROR_BUSY) {
			*err = problem;
			return -1;
		}
		told = xasprintf("%s: passed over: %s", json_string_value(url),
				 found < 0 ? problem.msg : "there is no repository");
		text_hide_passwords(told);
		monitor_log(&fetch->session->monitor, LOG_LEVEL_WARNING, "%s", told);
	}
	return error_set(err, ERROR_MIRROR, "source %s: none of its %zu mirrors can be used",
			 source, json_array_size(urls));
}

static int find_repository(struct fetch *fetch, const char *source, struct error *err)
{
	const char *list = fetch_list_url(source);
	CLEANUP_FREE char *name = fetch_repository_name(list ? list : source);

	if (fetch_suite_of(fetch, name))
		return error_set(err, ERROR_USAGE, "source %s: another is called %s already",
				 source, name);
	return list ? find_listed(fetch, source, name, err)
		    : find_repository_at(fetch, source, name, err);
}

static int find_repositories(struct fetch *fetch, struct error *err)
{
	size_t before = json_array_size(fetch->suites);

	if (take_system(fetch, err) < 0)
		return -1;
	for (size_t i = 0; fetch->os_id && i < fetch->options->n_sources; i++)
		if (find_repository(fetch, fetch->sources[i], err) < 0)
			return -1;
	if (fetch->os_id && json_array_size(fetch->suites) == before)
		return error_set(err, ERROR_MIRROR,
				 "no source has a repository for the guests of %s that are wanted: "
				 "name one by the directory that has repodata/repomd.xml",
				 fetch->os_id);
	return 0;
}

static int tell_unfound(struct fetch *fetch, const json_t *unfound, struct error *err)
{
	CLEANUP_BUFFER struct buffer names = {0};
	const json_t *suite;
	size_t i;

	json_array_foreach(unfound, i, suite)
	{
		json_array_append(fetch->missing, json_object_get(suite, "name"));
		buffer_printf(&names, "%s%s", i ? ", " : "", string_member(suite, "name"));
	}
	if (names.len && json_array_size(fetch->suites) == 0)
		return error_set(err, ERROR_MIRROR,
				 "no source has any of the suites that are wanted: %s", names.data);
	if (names.len)
		monitor_log(&fetch->session->monitor, LOG_LEVEL_WARNING,
			    "no source has %s: nothing is fetched of that", names.data);
	return 0;
}

/* The first source that has a suite is where it is taken from. */
int fetch_find_suites(struct fetch *fetch, struct error *err)
{
	CLEANUP_JSON json_t *unfound = json_deep_copy(json_object_get(fetch->wanted, "suites"));

	for (size_t i = 0; i < fetch->options->n_sources && json_array_size(unfound); i++)
		if (find_at(fetch, fetch->sources[i], unfound, err) < 0)
			return -1;
	if (find_repositories(fetch, err) < 0)
		return -1;
	return tell_unfound(fetch, unfound, err);
}

const json_t *fetch_suite_of(const struct fetch *fetch, const char *name)
{
	const json_t *suite;
	size_t i;

	json_array_foreach(fetch->suites, i, suite)
	{
		if (strcmp(string_member(suite, "name"), name) == 0)
			return suite;
	}
	return NULL;
}

const char *fetch_source_of(const struct fetch *fetch, const char *name)
{
	return string_member(fetch_suite_of(fetch, name), "source");
}

/* What a worker names may be no suite. */
const struct fetch_layout *fetch_layout_of(const struct fetch *fetch, const char *name)
{
	const struct fetch_layout *layout =
		fetch_layout_find(string_member(fetch_suite_of(fetch, name), "layout"));

	return layout ? layout : fetch_layout_find(FETCH_APT);
}
