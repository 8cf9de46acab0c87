/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lists of the plugin versionlock of yum and dnf, and the one that is part of dnf 5. */
#include <string.h>

#include "package/rpm/rules_parts.h"

/* One pattern a line; "!" in front of it turns it round. */
void rules_read_versionlock(struct rpm_rules *rules, char *text, const char *from)
{
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		line = rules_trim(line);
		line[strcspn(line, " \t")] = '\0';
		if (*line == '!')
			rules_add(rules, RPM_RULE_NOT, line + 1, from);
		else if (*line != '#')
			rules_add(rules, RPM_RULE_LOCK, line, from);
	}
}

struct configuration {
	bool on, elsewhere; /* is the list another file than those that are read? */
};

static void take_option(void *opaque, const char *section, const char *key, char *value)
{
	struct configuration *configuration = opaque;

	if (strcmp(section, "main") != 0)
		return;
	if (strcmp(key, "enabled") == 0)
		configuration->on = !rules_is_false(value);
	else if (strcmp(key, "locklist") == 0)
		configuration->elsewhere =
			strcmp(value, "/etc/dnf/plugins/versionlock.list") != 0 &&
			strcmp(value, "/etc/yum/pluginconf.d/versionlock.list") != 0;
}

bool rules_versionlock_is_on(char *text)
{
	struct configuration configuration = {.on = true};

	rules_read_sections(text, take_option, &configuration);
	return configuration.on;
}

void rules_read_versionlock_conf(struct rpm_rules *rules, char *text, const char *from)
{
	struct configuration configuration = {.on = true};

	rules_read_sections(text, take_option, &configuration);
	if (configuration.on && configuration.elsewhere)
		rules_not_understood(rules, from, "the list of locks is another file than usual");
}

static bool is_toml_key(const char *line)
{
	static const char *const keys[] = {"version", "name",	    "comment", "conditions",
					   "key",     "comparator", "value"};
	size_t len = strcspn(line, " \t=");

	if (line[len + strspn(line + len, " \t")] != '=')
		return false;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strlen(keys[i]) == len && strncmp(line, keys[i], len) == 0)
			return true;
	return false;
}

/* Lines as dnf 5 writes them, and the inside of an array that one of them opens. */
static bool is_known_toml(const char *line)
{
	return !*line || strchr("#{}],", *line) || strncmp(line, "[[packages]]", 12) == 0 ||
	       strncmp(line, "[[packages.conditions]]", 23) == 0 || is_toml_key(line);
}

/* dnf 5: versionlock.toml.  Its conditions are not evaluated: what it names stays as it is. */
void rules_read_versionlock_toml(struct rpm_rules *rules, char *text, const char *from)
{
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		char *value;

		line = rules_trim(line);
		if (!is_known_toml(line))
			rules_not_understood(rules, from, line);
		if (strncmp(line, "name", 4) != 0 || !is_toml_key(line))
			continue;
		value = strchr(line, '=') + 1;
		value += strspn(value, " \t\"'");
		value[strcspn(value, "\"' \t\r")] = '\0';
		rules_add(rules, RPM_RULE_EXCLUDE, value, from);
	}
}
