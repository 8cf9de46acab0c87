/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static void print_check(const json_t *check)
{
	const char *state = field(check, "state");

	printf("%-8s %-22s %s\n", state, field(check, "name"), field(check, "found"));
	if (!strcmp(state, "ok"))
		return;
	printf("         costs: %s\n", field(check, "cost"));
	printf("         do:    %s\n", field(check, "action"));
}

static int run(struct coldpatch_session *session, const struct global *global, void *values, int n,
	       char **arguments)
{
	struct coldpatch_error err = {0};
	json_t *result;
	const json_t *check;
	char *text;
	size_t i;

	(void)values;
	(void)arguments;
	if (n > 0)
		return usage_error(global, &command_doctor, "it takes no arguments");
	if (coldpatch_host_doctor(session, &text, &err) < 0)
		return tell_error(global, &err);
	result = print_or_parse(global, text);
	json_array_foreach(json_object_get(result, "checks"), i, check) print_check(check);
	json_decref(result);
	return 0;
}

const struct command command_doctor = {
	.name = "doctor",
	.synopsis = "",
	.summary = "Tell what this host can do, what is missing and what to do about it",
	.run = run,
};
