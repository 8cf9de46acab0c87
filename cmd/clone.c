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

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	const struct values *values = opaque;
	struct coldpatch_clone_options options = {.size = sizeof options,
						  .dry_run = values->dry_run};
	struct coldpatch_error err = {0};
	const json_t *file;
	json_t *clone;
	char *text;
	size_t i;

	if (n < 2)
		return usage_error(global, &command_clone, "give a template and the file to make");
	options.reference = arguments[0];
	options.files = (const char *const *)arguments + 1;
	options.n_files = (size_t)n - 1;
	if (coldpatch_template_clone(session, &options, &text, &err) < 0)
		return tell_error(global, &err);
	clone = print_or_parse(global, text);
	json_array_foreach(json_object_get(clone, "files"), i, file)
		printf("clone   %s%s\nbacked  %s\n", json_string_value(file),
		       values->dry_run ? ": would be made" : "",
		       json_string_value(json_array_get(json_object_get(clone, "disks"), i)));
	json_decref(clone);
	return 0;
}

static const struct option options_table[] = {
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{0},
};

const struct command command_clone = {
	.name = "clone",
	.synopsis = "[--dry-run] NAME[@N] FILE...",
	.summary = "Make a linked clone of a generation, and pin that",
	.help = "  --dry-run        only say what it would be backed by\n",
	.options = options_table,
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
