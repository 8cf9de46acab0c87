/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

struct values {
	const char *directory, *good;
	bool dry_run;
};

enum { OPTION_DIRECTORY = 1, OPTION_GOOD, OPTION_DRY_RUN };

static int option(void *opaque, int option)
{
	struct values *values = opaque;

	switch (option) {
	case OPTION_DIRECTORY:
		values->directory = optarg;
		return 0;
	case OPTION_GOOD:
		values->good = optarg;
		return 0;
	case OPTION_DRY_RUN:
		values->dry_run = true;
		return 0;
	default:
		return -1;
	}
}

static int generate(struct coldpatch_session *session, const struct global *global,
		    const struct values *values, const char *name)
{
	const struct coldpatch_generate_options options = {.size = sizeof options,
							   .directory = values->directory,
							   .name = name ? name : "coldpatch",
							   .dry_run = values->dry_run};
	struct coldpatch_error err = {0};
	json_t *key;
	char *text;

	if (coldpatch_key_generate(session, &options, &text, &err) < 0)
		return tell_error(global, &err);
	key = print_or_parse(global, text);
	if (!key)
		return 0;
	if (!values->dry_run)
		printf("key %s\n", field(key, "id"));
	printf("private %s\npublic  %s%s\n", field(key, "private"), field(key, "public"),
	       values->dry_run ? "\nneither is made" : "");
	json_decref(key);
	return 0;
}

static int list(struct coldpatch_session *session, const struct global *global)
{
	struct coldpatch_error err = {0};
	json_t *keys;
	const json_t *key;
	char *text;
	size_t i;

	if (coldpatch_key_list(session, &text, &err) < 0)
		return tell_error(global, &err);
	keys = print_or_parse(global, text);
	json_array_foreach(json_object_get(keys, "keys"), i, key)
	{
		const char *use = "verifies";

		if (json_is_true(json_object_get(key, "signs")))
			use = "signs and verifies";
		else if (strcmp(field(key, "state"), "active") != 0)
			use = json_object_size(json_object_get(key, "good")) ||
					      !strcmp(field(key, "state"), "retired")
				      ? "verifies what is older"
				      : "verifies nothing";
		printf("%-16s %-8s %-22s %s\n", field(key, "name"), field(key, "state"), use,
		       field(key, "id"));
	}
	json_decref(keys);
	return 0;
}

typedef int end_key(struct coldpatch_session *session, const struct coldpatch_key_options *options,
		    char **ret_json, struct coldpatch_error *err);

static int end(struct coldpatch_session *session, const struct global *global,
	       const struct values *values, const char *name, end_key *how)
{
	const struct coldpatch_key_options options = {.size = sizeof options,
						      .name = name,
						      .good = values->good,
						      .dry_run = values->dry_run};
	struct coldpatch_error err = {0};
	const json_t *file;
	json_t *key;
	char *text;
	size_t i;

	if (how(session, &options, &text, &err) < 0)
		return tell_error(global, &err);
	key = print_or_parse(global, text);
	if (!key)
		return 0;
	printf("%s: %s%s; what it signed is good in %zu templates up to the heads named\n",
	       field(key, "name"), values->dry_run ? "would be " : "", field(key, "state"),
	       json_object_size(json_object_get(key, "good")));
	json_array_foreach(json_object_get(key, "files"), i, file)
		printf("  %s\n", json_string_value(file));
	json_decref(key);
	return 0;
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	const struct values *values = opaque;
	const char *verb = n ? arguments[0] : "";

	if (values->good && strcmp(verb, "revoke") != 0)
		return usage_error(global, &command_key, "--good goes with revoke");
	if (!strcmp(verb, "generate") && n <= 2)
		return generate(session, global, values, n == 2 ? arguments[1] : NULL);
	if (!strcmp(verb, "list") && n == 1)
		return list(session, global);
	if (!strcmp(verb, "retire") && n == 2)
		return end(session, global, values, arguments[1], coldpatch_key_retire);
	if (!strcmp(verb, "revoke") && n == 2)
		return end(session, global, values, arguments[1], coldpatch_key_revoke);
	return usage_error(global, &command_key,
			   "generate [NAME], list, retire NAME or revoke NAME [--good FILE]");
}

static const struct option options_table[] = {
	{"directory", required_argument, NULL, OPTION_DIRECTORY},
	{"good", required_argument, NULL, OPTION_GOOD},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{0},
};

const struct command command_key = {
	.name = "key",
	.synopsis = "generate [NAME] | list | retire NAME | revoke NAME [--good FILE]",
	.summary = "Make the keys that sign records, list them, end them",
	.help = "  --directory DIR  generate: where to put NAME.key and NAME.pub\n"
		"  --good FILE      revoke: what `coldpatch log head` printed when all was well\n"
		"  --dry-run        only say what would be written\n",
	.options = options_table,
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
