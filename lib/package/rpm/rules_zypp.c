/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/zypp/locks, as locks(5) of libzypp has it: stanzas of "attribute: value".  A lock holds what
 * has the name, whichever version, repository or state it speaks of: rather too much than too
 * little.
 */
#include <ctype.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "package/rpm/rules_parts.h"

/* An attribute that is there several times means any of its values. */
struct values {
	const char **items; /* borrowed */
	size_t n;
};

struct lock {
	struct values names, types;
	const char *match; /* borrowed; NULL: not said */
	bool other;	   /* by something else than the name */
	bool with_case;
};

static void add_value(struct values *values, const char *value)
{
	*ARRAY_ADD(values->items, values->n) = value;
}

static void lock_clear(struct lock *lock)
{
	free(lock->names.items);
	free(lock->types.items);
	*lock = (struct lock){0};
}

static void take_attribute(struct lock *lock, char *line)
{
	char *colon = strchr(line, ':'), *value = NULL;

	if (*line == '#' || !colon)
		return;
	*colon = '\0';
	value = rules_trim(colon + 1);
	line = rules_trim(line);
	if (strcmp(line, "solvable_name") == 0)
		add_value(&lock->names, value);
	else if (strcmp(line, "type") == 0)
		add_value(&lock->types, value);
	else if (strcmp(line, "match_type") == 0)
		lock->match = value;
	else if (strcmp(line, "case_sensitive") == 0)
		lock->with_case = strcmp(value, "on") == 0 || strcmp(value, "true") == 0;
	else
		lock->other = true;
}

static bool is_of_packages(const struct lock *lock)
{
	for (size_t i = 0; i < lock->types.n; i++)
		if (strcmp(lock->types.items[i], "package") == 0)
			return true;
	return lock->types.n == 0;
}

/* As a pattern for either case; ranges are left as they are. */
static char *name_pattern(const struct lock *lock, const char *name)
{
	struct buffer pattern = {0};
	bool in_range = false;

	for (const char *c = name; *c; c++) {
		in_range = *c == '[' || (in_range && *c != ']');
		if (!lock->with_case && !in_range && isalpha((unsigned char)*c))
			buffer_printf(&pattern, "[%c%c]", tolower((unsigned char)*c),
				      toupper((unsigned char)*c));
		else
			buffer_putc(&pattern, *c);
	}
	return buffer_steal(&pattern);
}

static bool is_exact(const char *match)
{
	return strcmp(match, "glob") == 0 || strcmp(match, "exact") == 0;
}

static void add_name(struct rpm_rules *rules, const struct lock *lock, const char *name,
		     const char *from)
{
	const char *match = lock->match ? lock->match : "substring";
	CLEANUP_FREE char *either_case = name_pattern(lock, name), *pattern = NULL;

	if (!*name)
		rules_not_understood(rules, from, "a lock that is not by the name of packages");
	else if (is_exact(match))
		rules_add(rules, RPM_RULE_EXCLUDE, either_case, from);
	else if (strcmp(match, "substring") == 0 || strcmp(match, "word") == 0)
		rules_add(rules, RPM_RULE_EXCLUDE, pattern = xasprintf("*%s*", either_case), from);
	else
		rules_not_understood(rules, from, "a lock by a regular expression");
}

static void add_lock(struct rpm_rules *rules, const struct lock *lock, const char *from)
{
	if (!is_of_packages(lock))
		return;
	if (lock->names.n == 0 && lock->other)
		rules_not_understood(rules, from, "a lock that is not by the name of packages");
	for (size_t i = 0; i < lock->names.n; i++)
		add_name(rules, lock, lock->names.items[i], from);
}

void rules_read_zypp_locks(struct rpm_rules *rules, char *text, const char *from)
{
	struct lock lock = {0};

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		line = rules_trim(line);
		if (*line) {
			take_attribute(&lock, line);
			continue;
		}
		add_lock(rules, &lock, from);
		lock_clear(&lock);
	}
	add_lock(rules, &lock, from);
	lock_clear(&lock);
}
