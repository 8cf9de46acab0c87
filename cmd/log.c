/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static void print_line(const json_t *head)
{
	printf("%s %lld %s\n", field(head, "template"),
	       (long long)json_integer_value(json_object_get(head, "head")), field(head, "digest"));
}

static int run(struct coldpatch_session *session, const struct global *global, void *values, int n,
	       char **arguments)
{
	struct coldpatch_error err = {0};
	const json_t *head;
	json_t *log;
	char *text;
	size_t i;

	(void)values;
	if (n < 1 || strcmp(arguments[0], "head") != 0)
		return usage_error(global, &command_log, "head [NAME...]");
	if (coldpatch_library_log(session, (const char *const *)arguments + 1, (size_t)n - 1, &text,
				  &err) < 0)
		return tell_error(global, &err);
	log = print_or_parse(global, text);
	json_array_foreach(json_object_get(log, "heads"), i, head) print_line(head);
	json_decref(log);
	return 0;
}

const struct command command_log = {
	.name = "log",
	.synopsis = "head [NAME...]",
	.summary = "Print the last heads of templates, to keep them elsewhere",
	.run = run,
};
