/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change_output.h"

enum { OPTION_UNTIL = 1, OPTION_KEY, OPTION_ACTOR, OPTION_REASON, OPTION_DRY_RUN };

static int option(void *opaque, int option)
{
	struct coldpatch_head_options *values = opaque;

	switch (option) {
	case OPTION_UNTIL:
		values->until = optarg;
		return 0;
	case OPTION_KEY:
		values->key = optarg;
		return 0;
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
	struct coldpatch_head_options *options = opaque;
	struct coldpatch_error err = {0};
	char *text;

	if (n == 0)
		return usage_error(&command_hold, "no template");
	if (!options->reason)
		return usage_error(&command_hold, "--reason is missing");
	options->size = sizeof *options;
	options->names = (const char *const *)arguments;
	options->n_names = (size_t)n;
	if (coldpatch_template_hold(session, options, &text, &err) < 0)
		return tell_error(global, &err);
	return tell_change(global, text);
}

static const struct option options_table[] = {
	{"until", required_argument, NULL, OPTION_UNTIL},
	{"key", required_argument, NULL, OPTION_KEY},
	{"actor", required_argument, NULL, OPTION_ACTOR},
	{"reason", required_argument, NULL, OPTION_REASON},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{0},
};

const struct command command_hold = {
	.name = "hold",
	.synopsis = "--reason TEXT [OPTIONS] NAME...",
	.summary = "Keep templates from being patched for now",
	.help = "  --reason TEXT    why; whoever is refused reads it\n"
		"  --until WHEN     end of the hold: YYYY-MM-DD, or days (30d); else until unhold\n"
		"  --actor TEXT     recorded as claimed\n"
		"  --key FILE       the private key that signs\n"
		"  --dry-run        say what would be done, and change nothing\n",
	.options = options_table,
	.option = option,
	.values_size = sizeof(struct coldpatch_head_options),
	.run = run,
};
