/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change_output.h"
#include "head_options.h"

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	struct coldpatch_head_options *options = opaque;
	struct coldpatch_error err = {0};
	char *text;

	if (head_options_of(options, n, arguments) < 0)
		return usage_error(global, &command_hold, "no template");
	if (!options->reason)
		return usage_error(global, &command_hold, "--reason is missing");
	if (coldpatch_template_hold(session, options, &text, &err) < 0)
		return tell_error(global, &err);
	return tell_change(global, text);
}

static const struct option options_table[] = {
	{"until", required_argument, NULL, OPTION_HEAD_UNTIL},
	HEAD_OPTIONS,
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
	.option = head_option,
	.values_size = sizeof(struct coldpatch_head_options),
	.run = run,
};
