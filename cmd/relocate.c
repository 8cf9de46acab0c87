/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "cmd.h"

enum { OPTION_ACTOR = 1, OPTION_REASON, OPTION_DRY_RUN };

static int option(void *opaque, int option)
{
	struct coldpatch_relocate_options *values = opaque;

	switch (option) {
	case OPTION_ACTOR:
		values->actor = optarg;
		return 0;
	case OPTION_REASON:
		values->reason = optarg;
		return 0;
	case OPTION_DRY_RUN:
		values->dry_run = true;
		return 0;
	default:
		return -1;
	}
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	struct coldpatch_relocate_options *options = opaque;
	struct coldpatch_error err = {0};
	json_t *summary;
	char *text;

	if (n != 2)
		return usage_error(global, &command_relocate,
				   "give a base's SHA-256, and where it lies now");
	options->size = sizeof *options;
	options->digest = arguments[0];
	options->path = arguments[1];
	if (coldpatch_base_relocate(session, options, &text, &err) < 0)
		return tell_error(global, &err);
	summary = print_or_parse(global, text);
	if (summary)
		printf("base %s: %s: %s (run %s)\n", field(summary, "image"), field(summary, "msg"),
		       field(summary, "path"), field(summary, "run"));
	json_decref(summary);
	return 0;
}

static const struct option options_table[] = {
	{"actor", required_argument, NULL, OPTION_ACTOR},
	{"reason", required_argument, NULL, OPTION_REASON},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{0},
};

const struct command command_relocate = {
	.name = "relocate",
	.synopsis = "[OPTIONS] SHA256 PATH",
	.summary = "Follow a base image that was moved",
	.help = "  --actor TEXT, --reason TEXT  kept with the run, as claimed\n"
		"  --dry-run        check that it is the same file, and change nothing\n",
	.options = options_table,
	.option = option,
	.values_size = sizeof(struct coldpatch_relocate_options),
	.run = run,
};
