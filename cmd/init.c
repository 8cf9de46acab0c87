/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "cmd.h"

static int run(struct coldpatch_session *session, const struct global *global, void *values, int n,
	       char **arguments)
{
	struct coldpatch_error err = {0};
	json_t *library;
	char *text;

	(void)values;
	(void)arguments;
	if (n)
		return usage_error(&command_init, "it takes no arguments: the library is -L DIR");
	if (coldpatch_library_init(session, &text, &err) < 0)
		return tell_error(global, &err);
	library = print_or_parse(global, text);
	if (library)
		printf("library %s%s\n", field(library, "library"),
		       json_is_true(json_object_get(library, "changed")) ? ""
									 : ": is there already");
	json_decref(library);
	return 0;
}

const struct command command_init = {
	.name = "init",
	.synopsis = "-L DIR",
	.summary = "Make a library",
	.run = run,
};
