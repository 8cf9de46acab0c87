/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "cmd.h"

static int run(struct coldpatch_session *session, const struct global *global, void *values, int n,
	       char **arguments)
{
	struct coldpatch_error err = {0};
	const json_t *file;
	json_t *clone;
	char *text;
	size_t i;

	(void)values;
	if (n < 2)
		return usage_error(&command_clone, "a template and the file to make");
	if (coldpatch_template_clone(session, arguments[0], (const char *const *)arguments + 1,
				     (size_t)n - 1, &text, &err) < 0)
		return tell_error(global, &err);
	clone = print_or_parse(global, text);
	json_array_foreach(json_object_get(clone, "files"), i, file)
		printf("clone   %s\nbacked  %s\n", json_string_value(file),
		       json_string_value(json_array_get(json_object_get(clone, "disks"), i)));
	json_decref(clone);
	return 0;
}

const struct command command_clone = {
	.name = "clone",
	.synopsis = "NAME[@N] FILE...",
	.summary = "Make a linked clone of a generation, and pin that",
	.run = run,
};
