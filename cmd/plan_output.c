/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan_output.h"

#include <stdio.h>

#include "cmd.h"

void print_changes(const json_t *changes)
{
	const json_t *change;
	size_t i;

	json_array_foreach(changes, i, change)
	{
		const char *from = json_string_value(json_object_get(change, "from"));
		const char *to = json_string_value(json_object_get(change, "to"));

		printf("  %-8s %-32s %s%s%s\n",
		       !from ? "new"
		       : !to ? "remove"
			     : "update",
		       field(change, "name"), from ? from : "", from && to ? " -> " : "",
		       to ? to : "");
	}
}

void print_left(const json_t *left)
{
	const json_t *item;
	size_t i;

	json_array_foreach(left, i, item) printf("  left     %-32s %s: %s\n", field(item, "name"),
						 field(item, "reason"), field(item, "detail"));
}

void print_care(const json_t *care)
{
	const json_t *item;
	size_t i;

	json_array_foreach(care, i, item) printf("care: %s: %s %s\n", field(item, "code"),
						 field(item, "package"), field(item, "detail"));
}

void print_warnings(const json_t *warnings)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(warnings, i, warning)
		printf("warning: %s\n", json_string_value(warning));
}
