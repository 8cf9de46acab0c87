/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publish: {"directory", "template_directory", "entries": [{"name", "disk"}]} -> {} */
#include "library/publish.h"
#include "session/strings.h"
#include "session/task.h"

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	CLEANUP_PUBLISH_LIST struct publish_list list = {0};
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(input, "entries"), i, item)
	{
		struct publish_entry *entry = ARRAY_ADD(list.entries, list.n_entries);

		entry->name = xstrdup(string_member(item, "name"));
		entry->disk = xstrdup(string_member(item, "disk"));
	}
	if (publish_mend_directory(string_member(input, "directory"),
				   string_member(input, "template_directory"), &list, monitor,
				   err) < 0)
		return -1;
	*ret = json_object();
	return 0;
}

const struct task task_publish = {.name = "publish", .run = run};
