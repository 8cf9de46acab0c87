/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/file.h"
#include "fetch/acquire.h"
#include "session/fetch.h"
#include "session/strings.h"
#include "session/task.h"

const char *fetch_list_url(const char *source)
{
	static const char *const keys[] = {"mirrorlist=", "metalink="};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strncmp(source, keys[i], strlen(keys[i])) == 0)
			return source + strlen(keys[i]);
	return NULL;
}

static int read_list(struct fetch *fetch, const char *place, json_t **ret, struct error *err)
{
	CLEANUP_FREE char *path = path_join(fetch->directory, place);
	CLEANUP_JSON json_t *input = json_object(), *result = NULL;

	json_put_string(input, "file", path);
	if (task_run(fetch->session, "mirror-list", input, &result, err) < 0)
		return -1;
	*ret = json_incref(json_object_get(result, "urls"));
	return 0;
}

int fetch_list(struct fetch *fetch, const char *source, json_t **ret, struct error *err)
{
	static const char place[] = FETCH_DIRECTORY "/index/mirror-list";
	CLEANUP_JSON json_t *states = NULL;
	json_t *files = json_array();

	json_array_append_new(files, fetch_file(fetch_list_url(source), "", place, NULL, false));
	if (fetch_acquire(fetch, files, &states, err) < 0)
		return -1;
	return read_list(fetch, place, ret, err) < 0 ? error_prefix(err, "source %s", source) : 0;
}
