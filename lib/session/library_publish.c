/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/library_publish.h"

#include "library/publish.h"
#include "session/strings.h"
#include "session/task.h"

static json_t *entries_to_json(const struct publish_list *list)
{
	json_t *json = json_array();

	for (size_t i = 0; i < list->n_entries; i++) {
		json_t *entry = json_object();

		json_put_string(entry, "name", list->entries[i].name);
		json_put_string(entry, "disk", list->entries[i].disk);
		json_array_append_new(json, entry);
	}
	return json;
}

static int publish(struct coldpatch_session *session, const char *name, struct error *err)
{
	const struct library *library = session_library(session, err);
	CLEANUP(template_free)
	struct template *template = library ? session_template(session, name, err) : NULL;
	CLEANUP_PUBLISH_LIST struct publish_list list = {0};
	CLEANUP_JSON json_t *input = json_object(), *result = NULL;
	CLEANUP_FREE char *directory = NULL;

	if (!template)
		return -1;
	publish_list_new(template, &list);
	directory = library_path(library, "templates/%s", name);
	json_put_string(input, "directory", library->policy.publish);
	json_put_string(input, "template_directory", directory);
	json_put(input, "entries", entries_to_json(&list));
	return task_run(session, "publish", input, &result, err);
}

void library_publish(struct coldpatch_session *session, const char *name)
{
	struct error problem = {0};

	if (!session->library || !session->library->policy.publish)
		return;
	if (publish(session, name, &problem) < 0)
		monitor_log(&session->monitor, LOG_LEVEL_WARNING, "%s: %s", name, problem.msg);
}

int library_clones(struct coldpatch_session *session, struct clones *ret, struct error *err)
{
	return library_clones_of_files(session, NULL, 0, ret, err);
}

int library_clones_of_files(struct coldpatch_session *session, char *const *paths, size_t n,
			    struct clones *ret, struct error *err)
{
	const struct library *library = session_library(session, err);
	CLEANUP_JSON json_t *input = json_object(), *result = NULL;

	if (!library)
		return -1;
	json_put_string(input, "library", library->path);
	json_put(input, "roots",
		 strings_to_json((const char *const *)library->policy.clone_roots,
				 library->policy.n_clone_roots));
	json_put_string(input, "publish", library->policy.publish);
	json_put(input, "files", json_strings(paths, n));
	json_put(input, "everything", json_pack("[s]", "/"));
	if (task_run(session, "clones", input, &result, err) < 0)
		return -1;
	return clones_from_json(result, ret, err);
}
