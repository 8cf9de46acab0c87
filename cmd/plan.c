/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_options.h"
#include "plan_output.h"

struct values {
	struct image_options image; /* first, so that image_option() takes it */
	struct coldpatch_plan_options plan;
	bool check, allow_left_behind;
};

enum { OPTION_PATCHSET = 1, OPTION_SNAPSHOT, OPTION_OUTPUT, OPTION_CHECK, OPTION_ALLOW };

static int option(void *opaque, int option)
{
	struct values *values = opaque;

	switch (option) {
	case OPTION_PATCHSET:
		values->plan.patchset = optarg;
		return 0;
	case OPTION_SNAPSHOT:
		values->plan.snapshot = optarg;
		return 0;
	case OPTION_OUTPUT:
	case 'o':
		values->plan.output = optarg;
		return 0;
	case OPTION_CHECK:
		values->check = true;
		return 0;
	case OPTION_ALLOW:
		values->allow_left_behind = true;
		return 0;
	default:
		return image_option(&values->image, option);
	}
}

static void print_space(const json_t *fit)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(fit, "space"), i, item)
		printf("space: %s needs %s, has %s\n", field(item, "mountpoint"),
		       human_size(json_integer_value(json_object_get(item, "needed_bytes"))),
		       human_size(json_integer_value(json_object_get(item, "free_bytes"))));
	print_warnings(json_object_get(fit, "warnings"));
}

static void print_plan(const json_t *document)
{
	const json_t *plan = json_object_get(document, "plan");
	const json_t *changes = json_object_get(plan, "changes");

	printf("plan %.12s: %zu packages change, %zu are left behind\n", field(document, "digest"),
	       json_array_size(changes), json_array_size(json_object_get(plan, "left")));
	print_changes(changes);
	print_left(json_object_get(plan, "left"));
	print_care(json_object_get(plan, "care"));
	print_space(json_object_get(document, "fit"));
}

static int exit_code(const struct values *values, const json_t *document)
{
	int code = (int)json_integer_value(json_object_get(document, "code"));
	const json_t *plan = json_object_get(document, "plan");

	if (values->check && json_array_size(json_object_get(plan, "changes")) > 0)
		return COLDPATCH_FOUND;
	return values->allow_left_behind && code == COLDPATCH_LEFT_BEHIND ? 0 : code;
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	struct values *values = opaque;
	struct coldpatch_error err = {0};
	struct coldpatch_image image;
	json_t *document;
	char *text;
	int code;

	values->plan.size = sizeof values->plan;
	if (image_of_options(&values->image, n, arguments, &image) < 0)
		return usage_error(global, &command_plan, "no image");
	if (!values->plan.patchset)
		return usage_error(global, &command_plan, "--patchset is missing");
	if (coldpatch_image_plan(session, &image, &values->plan, &text, &err) < 0)
		return tell_error(global, &err);
	document = json_loads(text, 0, NULL);
	free(text);
	code = exit_code(values, document);
	document = print_with_code(global, document, code);
	if (document)
		print_plan(document);
	json_decref(document);
	return code;
}

static const struct option options[] = {
	IMAGE_OPTIONS,
	{"patchset", required_argument, NULL, OPTION_PATCHSET},
	{"snapshot", required_argument, NULL, OPTION_SNAPSHOT},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"allow-left-behind", no_argument, NULL, OPTION_ALLOW},
	{0},
};

const struct command command_plan = {
	.name = "plan",
	.synopsis = "--patchset NAME|FILE [OPTIONS] IMAGE",
	.summary = "Tell what would be done to an image, and why anything is left behind",
	.help = "  --patchset NAME  what to apply: a file, or the name of one that ships with "
		"coldpatch\n"
		"  --snapshot ID    the mirror snapshot to plan against; else the newest\n"
		"  -o, --output FILE  write the plan there, for apply --plan\n"
		"  --check          exit 1 when there is something to do\n"
		"  --allow-left-behind  exit 0 also when packages are left "
		"behind\n" IMAGE_OPTIONS_HELP,
	.options = options,
	.shorts = "o:",
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
