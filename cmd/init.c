/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "cmd.h"

struct values {
	bool dry_run;
};

enum { OPTION_DRY_RUN = 1 };

static int option(void *opaque, int option)
{
	struct values *values = opaque;

	if (option != OPTION_DRY_RUN)
		return -1;
	values->dry_run = true;
	return 0;
}

static const char *outcome(const json_t *library, bool dry_run)
{
	if (!json_is_true(json_object_get(library, "changed")))
		return ": is there already";
	return dry_run ? ": would be made" : "";
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	const struct values *values = opaque;
	struct coldpatch_error err = {0};
	json_t *library;
	char *text;

	(void)arguments;
	if (n)
		return usage_error(global, &command_init,
				   "it takes no arguments: the library is -L DIR");
	if (coldpatch_library_init(session, values->dry_run, &text, &err) < 0)
		return tell_error(global, &err);
	library = print_or_parse(global, text);
	if (library)
		printf("library %s%s\n", field(library, "library"),
		       outcome(library, values->dry_run));
	json_decref(library);
	return 0;
}

static const struct option options[] = {
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{0},
};

const struct command command_init = {
	.name = "init",
	.synopsis = "-L DIR [--dry-run]",
	.summary = "Make a library",
	.help = "  --dry-run        only say whether there is one\n",
	.options = options,
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
