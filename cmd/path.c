/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "cmd.h"

struct values {
	const char *pin, *unpin;
	bool dry_run;
};

enum { OPTION_PIN = 1, OPTION_UNPIN, OPTION_DRY_RUN };

static int option(void *opaque, int option)
{
	struct values *values = opaque;

	switch (option) {
	case OPTION_PIN:
		values->pin = optarg;
		return 0;
	case OPTION_UNPIN:
		values->unpin = optarg;
		return 0;
	case OPTION_DRY_RUN:
		values->dry_run = true;
		return 0;
	default:
		return -1;
	}
}

static void print_path(const json_t *path)
{
	const json_t *disk;
	size_t i;

	json_array_foreach(json_object_get(path, "disks"), i, disk) puts(json_string_value(disk));
}

static void print_unpinned(const json_t *summary, const char *who, bool dry_run)
{
	const json_t *list = json_object_get(summary, "unpinned"), *pin;
	size_t i;

	if (json_array_size(list) == 0)
		printf("%s: nothing is pinned by %s\n", field(summary, "image"), who);
	json_array_foreach(list, i, pin)
		printf("%s: generation %lld %s pinned by %s any more\n", field(summary, "image"),
		       (long long)json_integer_value(json_object_get(pin, "generation")),
		       dry_run ? "would not be" : "is not", who);
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	const struct values *values = opaque;
	struct coldpatch_path_options options = {.size = sizeof options,
						 .pin = values->pin,
						 .unpin = values->unpin,
						 .dry_run = values->dry_run};
	struct coldpatch_error err = {0};
	json_t *document;
	char *text;
	int result;

	if (n != 1)
		return usage_error(global, &command_path, "give one template: NAME or NAME@N");
	if (values->pin && values->unpin)
		return usage_error(global, &command_path, "either --pin or --unpin");
	options.reference = arguments[0];
	result = values->unpin ? coldpatch_template_unpin(session, &options, &text, &err)
			       : coldpatch_template_path(session, &options, &text, &err);
	if (result < 0)
		return tell_error(global, &err);
	document = print_or_parse(global, text);
	if (document && values->unpin)
		print_unpinned(document, values->unpin, values->dry_run);
	else if (document)
		print_path(document);
	json_decref(document);
	return 0;
}

static const struct option options[] = {
	{"pin", required_argument, NULL, OPTION_PIN},
	{"unpin", required_argument, NULL, OPTION_UNPIN},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{0},
};

const struct command command_path = {
	.name = "path",
	.synopsis = "[--pin WHO | --unpin WHO] [--dry-run] NAME[@N]",
	.summary = "Print the numbered paths of a generation, for scripts",
	.help = "  --pin WHO        keep the generation from prune, and say who needs it\n"
		"  --unpin WHO      WHO does not need it any more; without N, no generation\n"
		"  --dry-run        pin and unpin nothing\n",
	.options = options,
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
