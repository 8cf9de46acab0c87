/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "session/fetch.h"
#include "session/task.h"

json_t *fetch_file(const char *source, const char *remote, const char *path, const json_t *like,
		   bool optional)
{
	json_t *json = json_object();

	json_put_string(json, "source", source);
	json_put_string(json, "remote", remote);
	json_put_string(json, "path", path);
	json_put_bool(json, "optional", optional);
	if (like) {
		json_put(json, "size", json_incref(json_object_get(like, "size")));
		json_put(json, "checksum", json_incref(json_object_get(like, "checksum")));
	}
	return json;
}

/* Steals `files`; *ret_states is an array of "absent", "there" and "fetched". */
int fetch_acquire(struct fetch *fetch, json_t *files, json_t **ret_states, struct error *err)
{
	CLEANUP_JSON json_t *input = json_object(), *result = NULL;
	json_t *local = json_array(), *states;

	json_put_string(input, "directory", fetch->directory);
	if (fetch->options->proxy)
		json_put_string(input, "proxy", fetch->options->proxy);
	for (size_t i = 0; i < fetch->options->n_sources; i++)
		if (*fetch->sources[i] == '/')
			json_array_append_new(local, json_string(fetch->sources[i]));
	json_put(input, "local", local);
	json_put(input, "files", files);
	if (task_run(fetch->session, "acquire", input, &result, err) < 0)
		return -1;
	states = json_object_get(result, "files");
	if (json_array_size(states) != json_array_size(files))
		return error_set(err, ERROR_BUG, "the acquire worker told of other files");
	*ret_states = json_incref(states);
	return 0;
}

bool fetch_is(const json_t *states, size_t i, const char *state)
{
	const char *text = json_string_value(json_array_get(states, i));

	return text && strcmp(text, state) == 0;
}
