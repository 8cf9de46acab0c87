/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/buffer.h"
#include "fetch/acquire.h"
#include "session/fetch.h"
#include "session/strings.h"

static int find_at(struct fetch *fetch, const char *source, json_t *unfound, struct error *err)
{
	CLEANUP_JSON json_t *states = NULL;
	json_t *files = json_array(), *suite;
	size_t i;

	json_array_foreach(unfound, i, suite)
	{
		CLEANUP_FREE char *remote =
			xasprintf("dists/%s/InRelease", string_member(suite, "name"));
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
	if (json_array_size(fetch->suites) == 0)
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
	return tell_unfound(fetch, unfound, err);
}

const char *fetch_source_of(const struct fetch *fetch, const char *name)
{
	const json_t *suite;
	size_t i;

	json_array_foreach(fetch->suites, i,
			   suite) if (strcmp(string_member(suite, "name"), name) ==
				      0) return string_member(suite, "source");
	return "";
}
