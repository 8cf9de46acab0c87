/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd.h"

struct values {
	bool check;
};

enum { OPTION_CHECK = 1, DAY_S = 86400, HOUR_S = 3600 };

static int option(void *opaque, int option)
{
	struct values *values = opaque;

	if (option != OPTION_CHECK)
		return -1;
	values->check = true;
	return 0;
}

/* "12 d", "3 h"; "-" when it is not known. */
static void print_age(const json_t *template, json_int_t now)
{
	const json_t *made = json_object_get(template, "made");
	json_int_t age = now - json_integer_value(made);

	if (!json_is_integer(made))
		printf("  %6s", "-");
	else if (age >= DAY_S)
		printf("  %4lld d", (long long)(age / DAY_S));
	else
		printf("  %4lld h", (long long)(age / HOUR_S));
}

static void print_number(const json_t *number, int width)
{
	if (json_is_integer(number))
		printf("  %*lld", width, (long long)json_integer_value(number));
	else
		printf("  %*s", width, "-");
}

static void print_hold(const json_t *hold)
{
	time_t until = (time_t)json_integer_value(json_object_get(hold, "until"));
	struct tm utc;
	char day[16] = "";

	if (!json_is_object(hold))
		return;
	if (until && gmtime_r(&until, &utc))
		strftime(day, sizeof day, "%Y-%m-%d", &utc);
	printf("    held by %s%s%s: %s\n", field(hold, "actor"), *day ? " until " : "", day,
	       field(hold, "reason"));
}

static void print_refused(const json_t *refused)
{
	time_t until = (time_t)json_integer_value(json_object_get(refused, "until"));
	struct tm utc;
	char day[16] = "";

	if (gmtime_r(&until, &utc))
		strftime(day, sizeof day, "%Y-%m-%d", &utc);
	printf("    what was undone from generation %lld is refused until %s: %s\n",
	       (long long)json_integer_value(json_object_get(refused, "generation")), day,
	       field(refused, "reason"));
}

static void print_template(const json_t *template, json_int_t now)
{
	const json_t *problems = json_object_get(template, "problems"), *problem, *pin, *refused;
	size_t i;

	printf("%-24s", field(template, "template"));
	print_number(json_object_get(template, "generation"), 10);
	print_age(template, now);
	printf("  %-12s", field(template, "release"));
	print_number(json_object_get(template, "chain_depth"), 5);
	printf("  %s\n", json_array_size(problems) ? "damaged" : "ok");
	print_hold(json_object_get(template, "hold"));
	json_array_foreach(json_object_get(template, "refused"), i, refused)
	{
		print_refused(refused);
	}
	json_array_foreach(problems, i, problem) printf("    %s\n", json_string_value(problem));
	json_array_foreach(json_object_get(template, "pins_gone"), i, pin) printf(
		"    generation %lld is pinned by %s, which is not there; if that is gone for "
		"good: coldpatch path --unpin %s %s\n",
		(long long)json_integer_value(json_object_get(pin, "generation")),
		field(pin, "who"), field(pin, "who"), field(template, "template"));
}

static void print_status(const json_t *status)
{
	json_int_t now = json_integer_value(json_object_get(status, "now"));
	const json_t *item;
	size_t i;

	printf("%-24s  %10s  %6s  %-12s  %5s\n", "TEMPLATE", "GENERATION", "AGE", "RELEASE",
	       "CHAIN");
	json_array_foreach(json_object_get(status, "templates"), i, item) print_template(item, now);
	json_array_foreach(json_object_get(status, "base_problems"), i, item)
		printf("%s\n", json_string_value(item));
	json_array_foreach(json_object_get(status, "clones_unknown"), i, item)
		printf("%s; prune takes nothing\n", json_string_value(item));
	json_array_foreach(json_object_get(status, "clones_through_current"), i, item)
		printf("%s: is backed by %s through `current`, and reads another disk after the "
		       "next change; rebase it on the path that `coldpatch path` prints\n",
		       field(item, "path"), field(item, "template"));
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	const struct values *values = opaque;
	struct coldpatch_error err = {0};
	json_t *status;
	char *text;
	int code;

	if (coldpatch_library_status(session, (const char *const *)arguments, (size_t)n, &text,
				     &err) < 0)
		return tell_error(global, &err);
	status = json_loads(text, 0, NULL);
	free(text);
	code = values->check ? (int)json_integer_value(json_object_get(status, "code")) : 0;
	status = print_with_code(global, status, code);
	if (status)
		print_status(status);
	json_decref(status);
	return code;
}

static const struct option options_table[] = {
	{"check", no_argument, NULL, OPTION_CHECK},
	{0},
};

const struct command command_status = {
	.name = "status",
	.synopsis = "[--check] [NAME...]",
	.summary = "Tell how the library's templates are: age, holds, damage, dangerous clones",
	.help = "  --check          exit 1 when something is not as it should be\n",
	.options = options_table,
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
