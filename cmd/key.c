/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

struct values {
	const char *directory;
};

enum { OPTION_DIRECTORY = 1 };

static int option(void *opaque, int option)
{
	struct values *values = opaque;

	if (option != OPTION_DIRECTORY)
		return -1;
	values->directory = optarg;
	return 0;
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	const struct values *values = opaque;
	struct coldpatch_error err = {0};
	json_t *key;
	char *text;

	if (n < 1 || n > 2 || strcmp(arguments[0], "generate") != 0)
		return usage_error(&command_key, "generate [NAME]");
	if (coldpatch_key_generate(session, values->directory, n == 2 ? arguments[1] : "coldpatch",
				   &text, &err) < 0)
		return tell_error(global, &err);
	key = print_or_parse(global, text);
	if (!key)
		return 0;
	printf("key %s\nprivate %s\npublic  %s\n", field(key, "id"), field(key, "private"),
	       field(key, "public"));
	json_decref(key);
	return 0;
}

static const struct option options_table[] = {
	{"directory", required_argument, NULL, OPTION_DIRECTORY},
	{0},
};

const struct command command_key = {
	.name = "key",
	.synopsis = "generate [--directory DIR] [NAME]",
	.summary = "Make the keys that sign records",
	.help = "  --directory DIR  where to put NAME.key and NAME.pub\n",
	.options = options_table,
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
