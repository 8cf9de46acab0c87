/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "cmd.h"

struct values {
	const char *pin;
};

enum { OPTION_PIN = 1 };

static int option(void *opaque, int option)
{
	struct values *values = opaque;

	if (option != OPTION_PIN)
		return -1;
	values->pin = optarg;
	return 0;
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	const struct values *values = opaque;
	struct coldpatch_error err = {0};
	const json_t *disk;
	json_t *path;
	char *text;
	size_t i;

	if (n != 1)
		return usage_error(&command_path, "one template: NAME or NAME@N");
	if (coldpatch_template_path(session, arguments[0], values->pin, &text, &err) < 0)
		return tell_error(global, &err);
	path = print_or_parse(global, text);
	json_array_foreach(json_object_get(path, "disks"), i, disk) puts(json_string_value(disk));
	json_decref(path);
	return 0;
}

static const struct option options[] = {
	{"pin", required_argument, NULL, OPTION_PIN},
	{0},
};

const struct command command_path = {
	.name = "path",
	.synopsis = "[--pin WHO] NAME[@N]",
	.summary = "Print the numbered paths of a generation, for scripts",
	.help = "  --pin WHO        keep the generation from prune, and say who needs it\n",
	.options = options,
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
