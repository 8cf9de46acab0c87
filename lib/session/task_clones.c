/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clones: {"library", "roots": [DIR...], "publish"?, "files": [PATH...], "everything"}
 *         -> clones_to_json
 *
 * Headers of files that nobody vouches for are read.  A chain may go through any directory:
 * "everything" is [/].
 */
#include "library/clones.h"
#include "session/strings.h"
#include "session/task.h"

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	struct clones_request request = {
		.library = string_member(input, "library"),
		.publish = json_string_value(json_object_get(input, "publish")),
		.monitor = monitor};
	CLEANUP_FREE const char **roots =
		strings_of_json(json_object_get(input, "roots"), &request.n_roots);
	struct json_reader reader = {input, "clones", ERROR_BUG, err, false};
	CLEANUP_CLONES struct clones clones = {0};
	char **files = NULL;
	int result;

	json_get_strings(&reader, "files", &files, &request.n_files);
	request.roots = roots;
	request.files = (const char *const *)files;
	monitor_progress(monitor, "clones", NULL, 0, 0);
	result = json_reader_result(&reader);
	if (result == 0)
		result = clones_find(&request, &clones, err);
	strings_free(files, request.n_files);
	if (result < 0)
		return -1;
	*ret = clones_to_json(&clones);
	return 0;
}

const struct task task_clones = {.name = "clones", .run = run};
