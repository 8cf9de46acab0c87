/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/rpm/rules_parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

enum { MAX_RULES = 10000, DEFAULT_INSTALL_ONLY_LIMIT = 3 };

const char rules_blanks[] = " \t\r,";

void rules_add(struct rpm_rules *rules, enum rpm_rule_kind kind, const char *pattern,
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

/* The first is enough to say. */
void rules_not_understood(struct rpm_rules *rules, const char *from, const char *what)
{
	if (!rules->not_understood)
		rules->not_understood = xasprintf("%s: %.80s", from, what);
}

static void add_word(char ***words, size_t *n, const char *word)
{
	if (*word && *n < MAX_RULES)
		*ARRAY_ADD(*words, *n) = xstrdup(word);
}

bool rules_is_true(const char *value)
{
	return strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0 ||
	       strcasecmp(value, "yes") == 0 || strcasecmp(value, "on") == 0;
}

bool rules_is_false(const char *value)
{
	return strcmp(value, "0") == 0 || strcasecmp(value, "false") == 0 ||
	       strcasecmp(value, "no") == 0 || strcasecmp(value, "off") == 0;
}

char *rules_trim(char *text)
{
	char *end;

	text += strspn(text, " \t\r");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r", end[-1]))
		*--end = '\0';
	return text;
}

struct reading {
	struct rpm_rules *rules;
	const char *from;
};

/* One option of the [main] of yum.conf or dnf.conf that is a list. */
static void take_word(const struct reading *reading, const char *key, const char *word)
{
	struct rpm_rules *rules = reading->rules;

	if (strcmp(key, "exclude") == 0 || strcmp(key, "excludepkgs") == 0)
		rules_add(rules, RPM_RULE_EXCLUDE, word, reading->from);
	else if (strcmp(key, "includepkgs") == 0)
		rules_add(rules, RPM_RULE_INCLUDE, word, reading->from);
	else if (strcmp(key, "tsflags") == 0)
		rules->without_documents |= strcmp(word, "nodocs") == 0;
	else if (strcmp(key, "protected_packages") == 0)
		add_word(&rules->protected_names, &rules->n_protected, word);
	else if (strcmp(key, "installonlypkgs") == 0)
		add_word(&rules->install_only, &rules->n_install_only, word);
}

static bool is_of_main(const char *file);

/* An empty value, or an empty first word, takes back what was said before, be it in another file.
 */
static void take_back(struct rpm_rules *rules, const char *key)
{
	bool include = strcmp(key, "includepkgs") == 0;
	enum rpm_rule_kind kind = include ? RPM_RULE_INCLUDE : RPM_RULE_EXCLUDE;
	size_t n = 0;

	if (!include && strcmp(key, "exclude") != 0 && strcmp(key, "excludepkgs") != 0)
		return;
	for (size_t i = 0; i < rules->n_items; i++) {
		if (rules->items[i].kind == kind && is_of_main(rules->items[i].from))
			free(rules->items[i].pattern);
		else
			rules->items[n++] = rules->items[i];
	}
	rules->n_items = n;
}

static void take_option(void *opaque, const char *section, const char *key, char *value)
{
	const struct reading *reading = opaque;
	struct rpm_rules *rules = reading->rules;
	char *save = NULL;

	if (strcmp(section, "main") != 0)
		return;
	if (!*value || *value == ',')
		take_back(rules, key);
	if (strcmp(key, "installonly_limit") == 0)
		rules->install_only_limit = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(key, "install_weak_deps") == 0)
		rules->weak_dependencies = rules_is_true(value);
	else if (strcmp(key, "allow_vendor_change") == 0)
		rules->vendor_change = rules_is_true(value);
	for (char *word = strtok_r(value, rules_blanks, &save); word;
	     word = strtok_r(NULL, rules_blanks, &save))
		take_word(reading, key, word);
}

/* A line that begins with blanks goes on with the last value: nothing is the value of one. */
void rules_read_sections(char *text, rules_option_taker *take, void *opaque)
{
	char section[256] = "", key[64] = "";

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		bool goes_on = *line == ' ' || *line == '\t';
		char *delimiter;

		if (*line == '#' || *line == ';')
			continue;
		if (*line == '[') {
			snprintf(section, sizeof section, "%.*s", (int)strcspn(line + 1, "]"),
				 strchr(line, ']') ? line + 1 : "");
			*key = '\0';
			continue;
		}
		delimiter = goes_on ? NULL : strpbrk(line, "=:");
		if (delimiter) {
			*delimiter = '\0';
			snprintf(key, sizeof key, "%s", rules_trim(line));
		} else if (!goes_on)
			*key = '\0';
		line = rules_trim(delimiter ? delimiter + 1 : line + strspn(line, rules_blanks));
		if (*section && *key && (*line || !goes_on))
			take(opaque, section, key, line);
	}
}

static void read_ini(struct rpm_rules *rules, char *text, const char *from)
{
	struct reading reading = {rules, from};

	rules_read_sections(text, take_option, &reading);
}

/* The configuration that all versions have may have repositories in it. */
static void read_main(struct rpm_rules *rules, char *text, const char *from)
{
	CLEANUP_FREE char *copy = xstrdup(text);

	read_ini(rules, text, from);
	rules_read_repositories(rules, copy, from);
}

static void read_protected(struct rpm_rules *rules, char *text, const char *from)
{
	(void)from;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		line = rules_trim(line);
		if (*line != '#')
			add_word(&rules->protected_names, &rules->n_protected, line);
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
		if (strcmp(rules_trim(line), "solver.onlyRequires") == 0)
			rules->weak_dependencies = !rules_is_true(rules_trim(equals + 1));
	}
}

static const struct reader {
	const char *begin, *end; /* of the file's path */
	void (*read)(struct rpm_rules *rules, char *text, const char *from);
} readers[] = {
	{"/usr/share/dnf5/libdnf.conf.d/", ".conf", read_ini},
	{"/etc/dnf/libdnf5.conf.d/", ".conf", read_ini},
	{"/etc/dnf/dnf.conf", "", read_main},
	{"/etc/yum.conf", "", read_main},
	{"/etc/dnf/protected.d/", ".conf", read_protected},
	{"/etc/yum/protected.d/", ".conf", read_protected},
	{"/etc/dnf/plugins/versionlock.list", "", rules_read_versionlock},
	{"/etc/yum/pluginconf.d/versionlock.list", "", rules_read_versionlock},
	{"/etc/dnf/plugins/versionlock.conf", "", rules_read_versionlock_conf},
	{"/etc/yum/pluginconf.d/versionlock.conf", "", rules_read_versionlock_conf},
	{"/etc/dnf/versionlock.toml", "", rules_read_versionlock_toml},
	{"/etc/yum.repos.d/", ".repo", rules_read_repositories},
	{"/etc/yum/repos.d/", ".repo", rules_read_repositories},
	{"/etc/distro.repos.d/", ".repo", rules_read_repositories},
	{"/usr/share/dnf5/repos.d/", ".repo", rules_read_repositories},
	{"/usr/share/dnf5/repos.override.d/", ".repo", rules_read_repositories},
	{"/etc/dnf/repos.override.d/", ".repo", rules_read_repositories},
	{"/etc/zypp/locks", "", rules_read_zypp_locks},
	{"/etc/zypp/zypp.conf", "", read_zypp_conf},
};

static const struct reader *reader_of(const char *file)
{
	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
		const struct reader *reader = &readers[i];

		if (strncmp(file, reader->begin, strlen(reader->begin)) == 0 &&
		    text_ends_with(file, reader->end) &&
		    (*reader->end || strcmp(file, reader->begin) == 0))
			return reader;
	}
	return NULL;
}

static bool is_of_main(const char *file)
{
	const struct reader *reader = reader_of(file);

	return reader && (reader->read == read_ini || reader->read == read_main);
}

static void read_file(struct rpm_rules *rules, const struct package_state_file *file)
{
	const struct reader *reader = reader_of(file->name);
	CLEANUP_FREE char *text = NULL;

	if (!reader || !file->content.len)
		return;
	text = xstrndup(file->content.data, file->content.len);
	reader->read(rules, text, file->name);
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
	return !rules_versionlock_is_on(text);
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
	free(rules->not_understood);
	free(rules->not_applied);
	*rules = (struct rpm_rules){0};
}
