/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "change_output.h"

struct printing {
	const json_t *history;
	const json_t *generations;
};

static void print_info(const json_t *history)
{
	const json_t *hold = json_object_get(history, "hold");
	const json_t *until = json_object_get(hold, "until");

	printf("%s, generation %s is current\n", field(history, "template"),
	       human_number(json_object_get(history, "current")));
	printf("owner %s, purpose %s, review by %s, trust domain %s\n", field(history, "owner"),
	       field(history, "purpose"), field(history, "review_by"),
	       field(history, "trust_domain"));
	if (json_is_object(hold))
		printf("held until %s: %s\n",
		       json_is_integer(until) ? human_time(until) : "it is released",
		       field(hold, "reason"));
}

static void print_who(const json_t *of)
{
	if (json_is_string(json_object_get(of, "actor")))
		printf(", %s", field(of, "actor"));
	if (json_is_string(json_object_get(of, "reason")))
		printf(": %s", field(of, "reason"));
}

static void print_bases(const json_t *generation, int indent)
{
	const json_t *base;
	size_t i;

	json_array_foreach(json_object_get(generation, "bases"), i, base)
		printf("%*sbase %.12s %s\n", indent, "", field(base, "digest"),
		       json_is_string(json_object_get(base, "problem")) ? field(base, "problem")
									: field(base, "path"));
}

static void print_generation(const struct printing *printing, const json_t *generation, int indent)
{
	const json_t *number = json_object_get(generation, "number");
	bool current = json_equal(number, json_object_get(printing->history, "current"));

	printf("%*s%s%s%s  %s  %s", indent, "", indent ? "`- " : "", human_number(number),
	       current ? " (current)" : "", field(generation, "kind"),
	       human_time(json_object_get(generation, "time")));
	if (json_is_string(json_object_get(generation, "patchset")))
		printf("  %zu packages by %s",
		       json_array_size(json_object_get(generation, "packages")),
		       field(generation, "patchset"));
	if (json_is_array(json_object_get(generation, "squashed")))
		printf("  squashed with %zu before",
		       json_array_size(json_object_get(generation, "squashed")));
	if (json_is_true(json_object_get(generation, "pruned")))
		printf("  pruned");
	print_who(generation);
	putchar('\n');
	if (json_is_string(json_object_get(generation, "problem")))
		printf("%*s! %s\n", indent + 3, "", field(generation, "problem"));
	print_bases(generation, indent + 3);
}

/* Those that were made of `before` (null: of none), each with its own below it.  A generation is
 * made of one with a lower number, so this ends. */
static void print_tree(const struct printing *printing, const json_t *before, int indent)
{
	const json_t *generation;
	size_t i;

	json_array_foreach(printing->generations, i, generation)
	{
		const json_t *number = json_object_get(generation, "number");

		if (!json_equal(json_object_get(generation, "before"), before) ||
		    (before && json_is_integer(before) &&
		     json_integer_value(number) <= json_integer_value(before)))
			continue;
		print_generation(printing, generation, indent);
		print_tree(printing, number, json_is_integer(before) ? indent + 3 : 3);
	}
}

static void print_head(const json_t *head)
{
	printf("%-6s %-9s %-10s %-16s", human_number(json_object_get(head, "number")),
	       field(head, "kind"), human_number(json_object_get(head, "generation")),
	       human_time(json_object_get(head, "time")));
	if (json_is_integer(json_object_get(head, "until")))
		printf(", until %s", human_time(json_object_get(head, "until")));
	print_who(head);
	if (json_is_string(json_object_get(head, "problem")))
		printf(" ! %s", field(head, "problem"));
	putchar('\n');
}

static void print_history(const json_t *history)
{
	const struct printing printing = {history, json_object_get(history, "generations")};
	json_t *none = json_null();
	const json_t *item;
	size_t i;

	print_info(history);
	putchar('\n');
	print_tree(&printing, none, 0);
	printf("\n%-6s %-9s %-10s %-16s\n", "head", "kind", "generation", "time (UTC)");
	json_array_foreach(json_object_get(history, "heads"), i, item) print_head(item);
	json_array_foreach(json_object_get(history, "pins"), i, item)
		printf("pin    generation %lld: %s\n",
		       (long long)json_integer_value(json_object_get(item, "generation")),
		       field(item, "who"));
}

static int run(struct coldpatch_session *session, const struct global *global, void *values, int n,
	       char **arguments)
{
	struct coldpatch_error err = {0};
	json_t *history;
	char *text;

	(void)values;
	if (n != 1)
		return usage_error(global, &command_history, "give one template");
	if (coldpatch_template_history(session, arguments[0], &text, &err) < 0)
		return tell_error(global, &err);
	history = print_or_parse(global, text);
	if (history)
		print_history(history);
	json_decref(history);
	return 0;
}

const struct command command_history = {
	.name = "history",
	.synopsis = "NAME",
	.summary = "Print the genealogy of a template, back to its import",
	.run = run,
};
