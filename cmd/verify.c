/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

struct values {
	const char *record, *since;
	struct list parent_records, public_keys, backing;
	bool all, quick;
};

enum {
	OPTION_RECORD = 1,
	OPTION_PARENT_RECORD,
	OPTION_PUBLIC_KEY,
	OPTION_BACKING,
	OPTION_ALL,
	OPTION_SINCE,
	OPTION_QUICK
};

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
	case OPTION_ALL:
		values->all = true;
		return 0;
	case OPTION_SINCE:
		values->since = optarg;
		return 0;
	case OPTION_QUICK:
		values->quick = true;
		return 0;
	default:
		return -1;
	}
}

static bool has(const json_t *finding, const char *member)
{
	return json_is_string(json_object_get(finding, member));
}

static void print_finding(const json_t *finding)
{
	const char *status = field(finding, "status");
	bool tells = strcmp(status, "ok") != 0 && has(finding, "found");

	printf("%-5s %-14s %s", status, field(finding, "what"), field(finding, "object"));
	if (!strcmp(status, "bad") && has(finding, "expected"))
		printf(": expected %s, found %s", field(finding, "expected"),
		       field(finding, "found"));
	else if (tells)
		printf(": %s", field(finding, "found"));
	putchar('\n');
}

static int tell(const struct global *global, char *text)
{
	json_t *result = json_loads(text, 0, NULL);
	int code = (int)json_integer_value(json_object_get(result, "code"));
	const json_t *finding;
	size_t i;

	json_decref(result);
	result = print_or_parse(global, text);
	json_array_foreach(json_object_get(result, "findings"), i, finding) print_finding(finding);
	json_decref(result);
	return code;
}

static int verify_library(struct coldpatch_session *session, const struct global *global,
			  const struct values *values, int n, char **arguments)
{
	struct coldpatch_error err = {0};
	const struct coldpatch_library_verify_options options = {
		.size = sizeof options,
		.names = (const char *const *)arguments,
		.n_names = (size_t)n,
		.since = values->since,
		.quick = values->quick,
	};
	char *text;

	if (values->public_keys.n || values->backing.n || values->parent_records.n)
		return usage_error(global, &command_verify,
				   "--parent-record, --public-key and --backing go "
				   "with --record");
	if (values->all && n)
		return usage_error(global, &command_verify, "--all and a template's name");
	if (coldpatch_library_verify(session, &options, &text, &err) < 0)
		return tell_error(global, &err);
	return tell(global, text);
}

static int verify_overlays(struct coldpatch_session *session, const struct global *global,
			   const struct values *values, int n, char **arguments)
{
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
	char *text;

	if (values->all || values->since || values->quick)
		return usage_error(
			global, &command_verify,
			"--all, --since and --quick are for a library, not with --record");
	if (coldpatch_record_verify(session, &options, &text, &err) < 0)
		return tell_error(global, &err);
	return tell(global, text);
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	const struct values *values = opaque;

	if (n < 1 && (values->record || (!values->all && !values->since)))
		return usage_error(global, &command_verify,
				   "no overlay, no template, and no --all");
	if (values->record)
		return verify_overlays(session, global, values, n, arguments);
	for (int i = 0; i < n; i++)
		if (strchr(arguments[i], '/'))
			return usage_error(global, &command_verify,
					   "--record is missing: %s is a path, not a template",
					   arguments[i]);
	return verify_library(session, global, values, n, arguments);
}

static const struct option options_table[] = {
	{"record", required_argument, NULL, OPTION_RECORD},
	{"parent-record", required_argument, NULL, OPTION_PARENT_RECORD},
	{"public-key", required_argument, NULL, OPTION_PUBLIC_KEY},
	{"backing", required_argument, NULL, OPTION_BACKING},
	{"all", no_argument, NULL, OPTION_ALL},
	{"since", required_argument, NULL, OPTION_SINCE},
	{"quick", no_argument, NULL, OPTION_QUICK},
	{0},
};

const struct command command_verify = {
	.name = "verify",
	.synopsis = "NAME[@N]... | --all [OPTIONS], or --record FILE [OPTIONS] OVERLAY...",
	.summary = "Check templates of the library, or an overlay by its record",
	.help = "  --all                 everything that the library holds\n"
		"  --since FILE          has the library only grown since `coldpatch log head` "
		"printed FILE?\n"
		"  --quick               read no disk\n"
		"  --record FILE         the overlay's record\n"
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
