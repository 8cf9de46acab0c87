/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/rpm/rules.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

enum { MAX_RULES = 10000, DEFAULT_INSTALL_ONLY_LIMIT = 3 };

static const char blanks[] = " \t\r,";

static void add_rule(struct rpm_rules *rules, enum rpm_rule_kind kind, const char *pattern,
		     const char *from)
{
	struct rpm_rule *rule;

	if (!*pattern || rules->n_items >= MAX_RULES)
		return;
	rule = ARRAY_ADD(rules->items, rules->n_items);
	rule->kind = kind;
	rule->pattern = xstrdup(pattern);
	rule->from = from;
}

static void add_word(char ***words, size_t *n, const char *word)
{
	if (*word && *n < MAX_RULES)
		*ARRAY_ADD(*words, *n) = xstrdup(word);
}

static bool is_true(const char *value)
{
	return strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0 ||
	       strcasecmp(value, "yes") == 0 || strcasecmp(value, "on") == 0;
}

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t\r");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r", end[-1]))
		*--end = '\0';
	return text;
}

/* One "key = value" of the [main] of yum.conf or dnf.conf; the value may be a list. */
static void take_option(struct rpm_rules *rules, const char *key, char *value, const char *from)
{
	bool excludes = strcmp(key, "exclude") == 0 || strcmp(key, "excludepkgs") == 0;
	bool protects = strcmp(key, "protected_packages") == 0;
	bool beside = strcmp(key, "installonlypkgs") == 0;
	bool flags = strcmp(key, "tsflags") == 0;
	char *save = NULL;

	if (strcmp(key, "installonly_limit") == 0)
		rules->install_only_limit = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(key, "install_weak_deps") == 0)
		rules->weak_dependencies = is_true(value);
	else if (strcmp(key, "allow_vendor_change") == 0)
		rules->vendor_change = is_true(value);
	if (!excludes && !protects && !beside && !flags)
		return;
	for (char *word = strtok_r(value, blanks, &save); word;
	     word = strtok_r(NULL, blanks, &save)) {
		if (excludes)
			add_rule(rules, RPM_RULE_EXCLUDE, word, from);
		else if (flags)
			rules->without_documents |= strcmp(word, "nodocs") == 0;
		else if (protects)
			add_word(&rules->protected_names, &rules->n_protected, word);
		else
			add_word(&rules->install_only, &rules->n_install_only, word);
	}
}

/* Lines of an INI file: a line that begins with blanks goes on with the last value. */
static void read_ini(struct rpm_rules *rules, char *text, const char *from)
{
	bool in_main = false;
	char key[64] = "";

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		bool goes_on = *line == ' ' || *line == '\t';
		char *equals;

		if (*line == '#' || *line == ';')
			continue;
		if (*line == '[') {
			in_main = strncmp(line, "[main]", 6) == 0;
			*key = '\0';
			continue;
		}
		equals = goes_on ? NULL : strchr(line, '=');
		if (equals) {
			*equals = '\0';
			snprintf(key, sizeof key, "%s", trim(line));
		} else if (!goes_on)
			*key = '\0';
		if (in_main && *key)
			take_option(rules, key, trim(equals ? equals + 1 : line), from);
	}
}

static void read_protected(struct rpm_rules *rules, char *text, const char *from)
{
	(void)from;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		line = trim(line);
		if (*line != '#')
			add_word(&rules->protected_names, &rules->n_protected, line);
	}
}

/* One pattern a line; "!" in front of it turns it round. */
static void read_versionlock(struct rpm_rules *rules, char *text, const char *from)
{
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		line = trim(line);
		line[strcspn(line, " \t")] = '\0';
		if (*line == '!')
			add_rule(rules, RPM_RULE_NOT, line + 1, from);
		else if (*line != '#')
			add_rule(rules, RPM_RULE_LOCK, line, from);
	}
}

/* dnf 5: versionlock.toml.  Its conditions are not evaluated: what it names stays as it is. */
static void read_versionlock_toml(struct rpm_rules *rules, char *text, const char *from)
{
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		char *value = strchr(line, '=');

		line = trim(line);
		if (strncmp(line, "name", 4) != 0 || !value ||
		    line[4 + strspn(line + 4, " \t")] != '=')
			continue;
		value += 1 + strspn(value + 1, " \t\"'");
		value[strcspn(value, "\"' \t\r")] = '\0';
		add_rule(rules, RPM_RULE_EXCLUDE, value, from);
	}
}

/* Stanzas of "key: value"; only locks on the name of packages are known. */
static void read_zypp_locks(struct rpm_rules *rules, char *text, const char *from)
{
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		static const char key[] = "solvable_name:";

		line = trim(line);
		if (strncmp(line, key, sizeof key - 1) == 0)
			add_rule(rules, RPM_RULE_EXCLUDE, trim(line + sizeof key - 1), from);
	}
}

/* zypp.conf */
static void read_zypp_conf(struct rpm_rules *rules, char *text, const char *from)
{
	(void)from;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		char *equals = strchr(line, '=');

		if (*line == '#' || !equals)
			continue;
		*equals = '\0';
		if (strcmp(trim(line), "solver.onlyRequires") == 0)
			rules->weak_dependencies = !is_true(trim(equals + 1));
	}
}

static const struct reader {
	const char *begin, *end; /* of the file's path */
	void (*read)(struct rpm_rules *rules, char *text, const char *from);
} readers[] = {
	{"/etc/dnf/dnf.conf", "", read_ini},
	{"/etc/dnf/protected.d/", ".conf", read_protected},
	{"/etc/yum/protected.d/", ".conf", read_protected},
	{"/etc/dnf/plugins/versionlock.list", "", read_versionlock},
	{"/etc/yum/pluginconf.d/versionlock.list", "", read_versionlock},
	{"/etc/dnf/versionlock.toml", "", read_versionlock_toml},
	{"/etc/zypp/locks", "", read_zypp_locks},
	{"/etc/zypp/zypp.conf", "", read_zypp_conf},
};

static void read_file(struct rpm_rules *rules, const struct package_state_file *file)
{
	bool is_yum = strcmp(file->name, "/etc/yum.conf") == 0;
	CLEANUP_FREE char *text = NULL;

	if (!file->content.len)
		return;
	text = xstrndup(file->content.data, file->content.len);
	if (is_yum)
		read_ini(rules, text, file->name);
	for (size_t i = 0; !is_yum && i < sizeof readers / sizeof *readers; i++) {
		const struct reader *reader = &readers[i];

		if (strncmp(file->name, reader->begin, strlen(reader->begin)) != 0 ||
		    !text_ends_with(file->name, reader->end) ||
		    (!*reader->end && strcmp(file->name, reader->begin) != 0))
			continue;
		reader->read(rules, text, file->name);
		return;
	}
}

/* A plugin that its configuration switches off locks nothing. */
static bool is_switched_off(const struct package_state *state, const char *name)
{
	static const char list[] = "versionlock.list";
	CLEANUP_FREE char *conf = NULL, *text = NULL;
	const struct buffer *content;

	if (!text_ends_with(name, list))
		return false;
	conf = xasprintf("%.*sversionlock.conf", (int)(strlen(name) - strlen(list)), name);
	content = package_state_file(state, conf);
	if (!content || !content->len)
		return false;
	text = xstrndup(content->data, content->len);
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		char *save = NULL, *key = strtok_r(line, " \t\r=", &save);
		char *value = key ? strtok_r(NULL, " \t\r=", &save) : NULL;

		if (value && strcmp(key, "enabled") == 0)
			return !is_true(value);
	}
	return false;
}

/* Where there is a dnf.conf, yum.conf is a link to it, or a leftover. */
void rpm_rules_read(const struct package_state *state, struct rpm_rules *ret)
{
	bool has_dnf = package_state_file(state, "/etc/dnf/dnf.conf") != NULL;

	ret->install_only_limit = DEFAULT_INSTALL_ONLY_LIMIT;
	ret->weak_dependencies = true;
	add_word(&ret->protected_names, &ret->n_protected, "dnf");
	for (size_t i = 0; i < state->n_files; i++) {
		const char *name = state->files[i].name;

		if ((!has_dnf || strcmp(name, "/etc/yum.conf") != 0) &&
		    !is_switched_off(state, name))
			read_file(ret, &state->files[i]);
	}
}

void rpm_rules_free(struct rpm_rules *rules)
{
	for (size_t i = 0; i < rules->n_items; i++)
		free(rules->items[i].pattern);
	free(rules->items);
	strings_free(rules->protected_names, rules->n_protected);
	strings_free(rules->install_only, rules->n_install_only);
	*rules = (struct rpm_rules){0};
}
