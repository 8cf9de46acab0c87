/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A repository may exclude packages for itself: its own, which are to stay as they are, or those of
 * its that another one has, too.  Which repository of a mirror snapshot it is, nobody says.  So all
 * that an enabled one excludes is held, whoever has it: more may stay behind than with dnf, and
 * says why, but nothing comes that was kept out.
 *
 * What one includes (includepkgs) would keep out all packages of the others, and is not applied.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "package/rpm/rules_parts.h"

struct repository {
	char name[256];
	bool enabled;
	struct buffer excludes, includes; /* words, with a blank in front of each */
};

static void repository_finish(struct repository *repository, struct buffer *ret)
{
	if (repository->enabled && repository->excludes.len)
		buffer_printf(ret, "[%s]\nexclude=%s\n", repository->name,
			      repository->excludes.data);
	if (repository->enabled && repository->includes.len)
		buffer_printf(ret, "[%s]\nincludepkgs=%s\n", repository->name,
			      repository->includes.data);
	buffer_free(&repository->excludes);
	buffer_free(&repository->includes);
	*repository = (struct repository){.enabled = true};
}

/* An empty value, or an empty first word, takes back what was said before. */
static void add_words(struct buffer *words, char *value)
{
	char *save = NULL;

	if (!*value || *value == ',')
		buffer_free(words);
	for (char *word = strtok_r(value, rules_blanks, &save); word;
	     word = strtok_r(NULL, rules_blanks, &save))
		buffer_printf(words, " %s", word);
}

struct reduction {
	struct repository repository;
	struct buffer *ret;
};

static void take_option(void *opaque, const char *section, const char *key, char *value)
{
	struct reduction *reduction = opaque;
	struct repository *repository = &reduction->repository;

	if (strcmp(section, "main") == 0)
		return;
	if (strcmp(section, repository->name) != 0) {
		repository_finish(repository, reduction->ret);
		snprintf(repository->name, sizeof repository->name, "%s", section);
	}
	if (strcmp(key, "enabled") == 0)
		repository->enabled = !rules_is_false(value);
	else if (strcmp(key, "exclude") == 0 || strcmp(key, "excludepkgs") == 0)
		add_words(&repository->excludes, value);
	else if (strcmp(key, "includepkgs") == 0)
		add_words(&repository->includes, value);
}

void rpm_repositories_reduce(const char *text, size_t len, struct buffer *ret)
{
	CLEANUP_FREE char *copy = xstrndup(text, len);
	struct reduction reduction = {.repository = {.enabled = true}, .ret = ret};

	rules_read_sections(copy, take_option, &reduction);
	repository_finish(&reduction.repository, ret);
}

struct reading {
	struct rpm_rules *rules;
	const char *from;
};

static void take_reduced(void *opaque, const char *section, const char *key, char *value)
{
	const struct reading *reading = opaque;
	char *save = NULL;

	if (strcmp(key, "includepkgs") == 0) {
		if (!reading->rules->not_applied)
			reading->rules->not_applied =
				xasprintf("[%s] of %s", section, reading->from);
		return;
	}
	for (char *word = strtok_r(value, rules_blanks, &save); word;
	     word = strtok_r(NULL, rules_blanks, &save))
		rules_add(reading->rules, RPM_RULE_EXCLUDE, word, reading->from);
}

void rules_read_repositories(struct rpm_rules *rules, char *text, const char *from)
{
	CLEANUP_BUFFER struct buffer reduced = {0};
	struct reading reading = {rules, from};

	rpm_repositories_reduce(text, strlen(text), &reduced);
	if (reduced.len)
		rules_read_sections(reduced.data, take_reduced, &reading);
}
