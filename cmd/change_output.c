/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change_output.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *human_time(const json_t *seconds)
{
	static char texts[4][32];
	static unsigned next;
	char *text = texts[next++ % 4];
	time_t at = (time_t)json_integer_value(seconds);
	struct tm utc;

	if (!json_is_integer(seconds) || !gmtime_r(&at, &utc))
		return "-";
	strftime(text, sizeof texts[0], "%Y-%m-%d %H:%M", &utc);
	return text;
}

const char *human_number(const json_t *number)
{
	static char texts[4][24];
	static unsigned next;
	char *text = texts[next++ % 4];

	if (!json_is_integer(number))
		return "-";
	snprintf(text, sizeof texts[0], "%lld", (long long)json_integer_value(number));
	return text;
}

void print_of(const char *name, const char *msg)
{
	size_t len = strlen(name);

	if (strncmp(msg, name, len) == 0 && msg[len] == ':')
		printf("%s\n", msg);
	else
		printf("%s: %s\n", name, msg);
}

static void print_one(const json_t *summary)
{
	const json_t *blocker;
	size_t i;

	print_of(field(summary, "image"), field(summary, "msg"));
	json_array_foreach(json_object_get(summary, "blockers"), i, blocker)
		printf("  would stop an update: %s\n", field(blocker, "msg"));
}

int tell_change(const struct global *global, char *text)
{
	json_t *summary = json_loads(text, 0, NULL);
	int code = (int)json_integer_value(json_object_get(summary, "code"));
	const json_t *results, *result;
	size_t i;

	json_decref(summary);
	summary = print_or_parse(global, text);
	if (!summary)
		return code;
	results = json_object_get(summary, "results");
	if (!results)
		print_one(summary);
	json_array_foreach(results, i, result) print_one(result);
	printf("run %s\n", field(summary, "run"));
	json_decref(summary);
	return code;
}
