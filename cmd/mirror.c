/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd.h"

struct values {
	struct list suites, keyrings, allow;
};

enum { OPTION_SUITE = 1, OPTION_KEYRING, OPTION_ALLOW };

static int option(void *opaque, int option)
{
	struct values *values = opaque;

	switch (option) {
	case OPTION_SUITE:
		list_add(&values->suites, optarg);
		return 0;
	case OPTION_KEYRING:
		list_add(&values->keyrings, optarg);
		return 0;
	case OPTION_ALLOW:
		list_add(&values->allow, optarg);
		return 0;
	default:
		return -1;
	}
}

static void print_source(const json_t *source)
{
	time_t date = (time_t)json_integer_value(json_object_get(source, "date"));
	struct tm utc;
	char day[16] = "-";

	if (gmtime_r(&date, &utc))
		strftime(day, sizeof day, "%Y-%m-%d", &utc);
	printf("  %-10s %-24s of %s, signed by %s\n", field(source, "origin"),
	       field(source, "codename"), day, field(source, "signer"));
}

static void print_snapshot(const json_t *snapshot)
{
	const json_t *source;
	size_t i;

	printf("mirror snapshot %s, %zu packages\n", field(snapshot, "digest"),
	       json_array_size(json_object_get(snapshot, "packages")));
	if (json_object_get(snapshot, "damaged"))
		printf("  damaged: %s\n", field(snapshot, "damaged"));
	json_array_foreach(json_object_get(snapshot, "sources"), i, source) print_source(source);
}

static int tell_snapshots(const struct global *global, char *text)
{
	json_t *json = print_or_parse(global, text);
	const json_t *snapshot;
	size_t i;

	if (json_is_array(json))
		json_array_foreach(json, i, snapshot) print_snapshot(snapshot);
	else if (json)
		print_snapshot(json);
	json_decref(json);
	return 0;
}

static int make(struct coldpatch_session *session, const struct global *global,
		const struct values *values, int n, char **directories)
{
	struct coldpatch_error err = {0};
	const struct coldpatch_mirror_options options = {
		.size = sizeof options,
		.mirrors = (const char *const *)directories,
		.n_mirrors = (size_t)n,
		.suites = values->suites.items,
		.n_suites = values->suites.n,
		.keyrings = values->keyrings.items,
		.n_keyrings = values->keyrings.n,
		.allow_digests = values->allow.items,
		.n_allow_digests = values->allow.n,
	};
	char *text;

	if (coldpatch_mirror_snapshot(session, &options, &text, &err) < 0)
		return tell_error(global, &err);
	return tell_snapshots(global, text);
}

static int run(struct coldpatch_session *session, const struct global *global, void *values, int n,
	       char **arguments)
{
	struct coldpatch_error err = {0};
	char *text;

	if (n >= 1 && !strcmp(arguments[0], "snapshot"))
		return make(session, global, values, n - 1, arguments + 1);
	if (n == 2 && !strcmp(arguments[0], "verify")) {
		if (coldpatch_mirror_verify(session, arguments[1], &text, &err) < 0)
			return tell_error(global, &err);
		return tell_snapshots(global, text);
	}
	if (n == 1 && !strcmp(arguments[0], "list")) {
		if (coldpatch_mirror_list(session, &text, &err) < 0)
			return tell_error(global, &err);
		return tell_snapshots(global, text);
	}
	return usage_error(&command_mirror, "snapshot [DIR...], verify ID or list");
}

static const struct option options_table[] = {
	{"suite", required_argument, NULL, OPTION_SUITE},
	{"keyring", required_argument, NULL, OPTION_KEYRING},
	{"allow", required_argument, NULL, OPTION_ALLOW},
	{0},
};

const struct command command_mirror = {
	.name = "mirror",
	.synopsis = "snapshot [OPTIONS] [DIR...] | verify ID | list",
	.summary = "Pin and check an offline mirror",
	.help = "  --keyring FILE   whose signatures count; again for each further one\n"
		"  --suite NAME     only this suite; again for each further one\n"
		"  --allow SHA256   accept this signed index although it is old or expired\n",
	.options = options_table,
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
