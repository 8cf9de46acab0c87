/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

struct values {
	const char *record;
	struct list parent_records, public_keys, backing;
};

enum { OPTION_RECORD = 1, OPTION_PARENT_RECORD, OPTION_PUBLIC_KEY, OPTION_BACKING };

static int option(void *opaque, int option)
{
	struct values *values = opaque;

	switch (option) {
	case OPTION_RECORD:
		values->record = optarg;
		return 0;
	case OPTION_PARENT_RECORD:
		list_add(&values->parent_records, optarg);
		return 0;
	case OPTION_PUBLIC_KEY:
		list_add(&values->public_keys, optarg);
		return 0;
	case OPTION_BACKING:
		list_add(&values->backing, optarg);
		return 0;
	default:
		return -1;
	}
}

static void print_finding(const json_t *finding)
{
	const char *status = field(finding, "status");

	printf("%-5s %-14s %s", status, field(finding, "what"), field(finding, "object"));
	if (!strcmp(status, "bad"))
		printf(": expected %s, found %s", field(finding, "expected"),
		       field(finding, "found"));
	putchar('\n');
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	const struct values *values = opaque;
	struct coldpatch_error err = {0};
	const struct coldpatch_verify_options options = {
		.size = sizeof options,
		.overlays = (const char *const *)arguments,
		.n_overlays = (size_t)n,
		.record = values->record,
		.parent_records = values->parent_records.items,
		.n_parent_records = values->parent_records.n,
		.public_keys = values->public_keys.items,
		.n_public_keys = values->public_keys.n,
		.backing = values->backing.items,
		.n_backing = values->backing.n,
	};
	json_t *result;
	const json_t *finding;
	char *text;
	size_t i;
	int code;

	if (n < 1)
		return usage_error(&command_verify, "no overlay");
	if (!values->record)
		return usage_error(&command_verify, "--record is missing");
	if (coldpatch_record_verify(session, &options, &text, &err) < 0)
		return tell_error(global, &err);
	result = json_loads(text, 0, NULL);
	code = (int)json_integer_value(json_object_get(result, "code"));
	json_decref(result);
	result = print_or_parse(global, text);
	json_array_foreach(json_object_get(result, "findings"), i, finding) print_finding(finding);
	json_decref(result);
	return code;
}

static const struct option options_table[] = {
	{"record", required_argument, NULL, OPTION_RECORD},
	{"parent-record", required_argument, NULL, OPTION_PARENT_RECORD},
	{"public-key", required_argument, NULL, OPTION_PUBLIC_KEY},
	{"backing", required_argument, NULL, OPTION_BACKING},
	{0},
};

const struct command command_verify = {
	.name = "verify",
	.synopsis = "--record FILE [OPTIONS] OVERLAY",
	.summary = "Check an overlay, its backing files and its record",
	.help = "  --record FILE         the overlay's record\n"
		"  --parent-record FILE  the record of a generation below; again for each further "
		"one\n"
		"  --public-key FILE     who may have signed; again for each further one\n"
		"  --backing FILE        a file that may back the overlay; again for each further "
		"one\n",
	.options = options_table,
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
