/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change_output.h"

enum { OPTION_LAST = 1, OPTION_WITHIN, OPTION_ACTOR, OPTION_REASON, OPTION_DRY_RUN };

static int take_number(unsigned *ret)
{
	char *end;
	unsigned long value = strtoul(optarg, &end, 10);

	if (end == optarg || *end || *optarg == '-' || value == 0 || value > 1000000)
		return -1;
	*ret = (unsigned)value;
	return 0;
}

static int option(void *opaque, int option)
{
	struct coldpatch_prune_options *values = opaque;

	switch (option) {
	case OPTION_LAST:
		return take_number(&values->keep_last);
	case OPTION_WITHIN:
		values->keep_within = optarg;
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

static void print_template(const json_t *template, bool dry_run)
{
	const char *takes = dry_run ? "take" : "taken";
	const json_t *generation;
	size_t i;

	if (json_is_true(json_object_get(template, "failed")))
		print_of(field(template, "template"), field(template, "msg"));
	json_array_foreach(json_object_get(template, "generations"), i, generation)
		printf("%-5s  %s@%lld  %s  %s\n",
		       json_is_true(json_object_get(generation, "taken")) ? takes : "keep",
		       field(template, "template"),
		       (long long)json_integer_value(json_object_get(generation, "generation")),
		       human_size(json_integer_value(json_object_get(generation, "bytes"))),
		       field(generation, "reason"));
}

static void print_summary(const json_t *summary, bool dry_run)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(summary, "templates"), i, item)
		print_template(item, dry_run);
	json_array_foreach(json_object_get(summary, "removed"), i, item)
		printf("%-5s  %s %s\n", dry_run ? "take" : "taken", field(item, "what"),
		       field(item, "name"));
	json_array_foreach(json_object_get(summary, "unread"), i, item) printf(
		"unread %s; who may read it may find more in use\n", json_string_value(item));
	printf("%s (run %s)\n", field(summary, "msg"), field(summary, "run"));
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	struct coldpatch_prune_options *options = opaque;
	struct coldpatch_error err = {0};
	json_t *summary;
	char *text;
	int code;

	options->size = sizeof *options;
	options->names = (const char *const *)arguments;
	options->n_names = (size_t)n;
	if (coldpatch_library_prune(session, options, &text, &err) < 0)
		return tell_error(global, &err);
	summary = json_loads(text, 0, NULL);
	code = (int)json_integer_value(json_object_get(summary, "code"));
	json_decref(summary);
	summary = print_or_parse(global, text);
	if (summary)
		print_summary(summary, options->dry_run);
	json_decref(summary);
	return code;
}

static const struct option options_table[] = {
	{"keep-last", required_argument, NULL, OPTION_LAST},
	{"keep-within", required_argument, NULL, OPTION_WITHIN},
	{"actor", required_argument, NULL, OPTION_ACTOR},
	{"reason", required_argument, NULL, OPTION_REASON},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{0},
};

const struct command command_prune = {
	.name = "prune",
	.synopsis = "[--keep-last N] [--keep-within DAYS] [OPTIONS] [NAME...]",
	.summary = "Move generations that nobody needs to the trash, and empty old trash",
	.help = "  --keep-last N    keep the N generations that were current last\n"
		"  --keep-within 90d  keep those that were current in the last 90 days\n"
		"  --actor TEXT, --reason TEXT  kept with the run, as claimed\n"
		"  --dry-run        tell what would be taken and kept, and why\n",
	.options = options_table,
	.option = option,
	.values_size = sizeof(struct coldpatch_prune_options),
	.run = run,
};
