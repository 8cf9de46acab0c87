/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change_output.h"
#include "head_options.h"

enum { OPTION_TO = 1, OPTION_RUN };

static int option(void *opaque, int option)
{
	struct coldpatch_head_options *values = opaque;

	switch (option) {
	case OPTION_TO:
		values->to = optarg;
		return 0;
	case OPTION_RUN:
		values->run = optarg;
		return 0;
	default:
		return head_option(values, option);
	}
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	struct coldpatch_head_options *options = opaque;
	struct coldpatch_error err = {0};
	char *text;

	if (head_options_of(options, n, arguments) < 0 && !options->run)
		return usage_error(global, &command_rollback, "no template and no --run");
	if (coldpatch_template_rollback(session, options, &text, &err) < 0)
		return tell_error(global, &err);
	return tell_change(global, text);
}

static const struct option options_table[] = {
	{"to", required_argument, NULL, OPTION_TO},
	{"run", required_argument, NULL, OPTION_RUN},
	{"until", required_argument, NULL, OPTION_HEAD_UNTIL},
	HEAD_OPTIONS,
	{0},
};

const struct command command_rollback = {
	.name = "rollback",
	.synopsis = "[OPTIONS] NAME...",
	.summary = "Make an earlier generation the current one",
	.help = "  --to N           this generation; without it, the last update is taken back\n"
		"  --run ID         all templates that this run changed, instead of names\n"
		"  --until WHEN     how long what it undoes is refused: YYYY-MM-DD, or days "
		"(30d)\n"
		"  --key FILE       the private key that signs\n"
		"  --actor TEXT, --reason TEXT  recorded as claimed\n"
		"  --dry-run        say what would be done, and change nothing\n",
	.options = options_table,
	.option = option,
	.values_size = sizeof(struct coldpatch_head_options),
	.run = run,
};
