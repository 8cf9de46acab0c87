/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/task_image.h"

#include "base/file.h"
#include "session/session.h"

int task_copies_wanted(json_t **ret)
{
	*ret = json_object();
	json_put_bool(*ret, "copies_wanted", true);
	return 0;
}

void task_put_appliance(const struct coldpatch_session *session, json_t *image)
{
	CLEANUP_FREE char *runner = session_program(session, "coldpatch-runner");
	CLEANUP_FREE char *cache = path_join(session->config.state, "appliances");

	json_put_string(image, "runner", runner);
	json_put_string(image, "appliance_cache", cache);
}

static int copy(struct coldpatch_session *session, const json_t *image, struct error *err)
{
	CLEANUP_JSON json_t *input = json_object(), *result = NULL;

	json_put(input, "image", json_deep_copy(image));
	return task_run(session, "copy", input, &result, err);
}

int task_run_on_image(struct coldpatch_session *session, const char *name, json_t *input,
		      json_t **ret, struct error *err)
{
	CLEANUP_JSON json_t *result = NULL;

	if (task_run(session, name, input, &result, err) < 0)
		return -1;
	if (!json_is_true(json_object_get(result, "copies_wanted"))) {
		*ret = steal(result);
		return 0;
	}
	if (copy(session, json_object_get(input, "image"), err) < 0)
		return -1;
	return task_run(session, name, input, ret, err);
}
