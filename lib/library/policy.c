/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "library/policy.h"

#include <cyaml/cyaml.h>
#include <string.h>

#include "base/yaml.h"

enum {
	MAX_ITEMS = 1000,
	MAX_CHAIN_DEPTH = 64,
	DEFAULT_CHAIN_DEPTH = 4,
	DEFAULT_TRASH_DAYS = 14,
	DEFAULT_RUN_DAYS = 30,
};

static const cyaml_schema_value_t string_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};

#define STRING_LIST(key, member, min)                                                              \
	CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,                  \
				   struct library_policy, member, n_##member, &string_schema, min, \
				   MAX_ITEMS)

static const cyaml_schema_field_t fields[] = {
	CYAML_FIELD_UINT("chain-depth", CYAML_FLAG_OPTIONAL, struct library_policy, chain_depth),
	STRING_LIST("executors", executors, 1), /* of none, nobody could tell what it allows */
	CYAML_FIELD_STRING_PTR("publish", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			       struct library_policy, publish, 1, CYAML_UNLIMITED),
	STRING_LIST("clone-roots", clone_roots, 0),
	CYAML_FIELD_UINT("trash-days", CYAML_FLAG_OPTIONAL, struct library_policy, trash_days),
	CYAML_FIELD_UINT("run-days", CYAML_FLAG_OPTIONAL, struct library_policy, run_days),
	CYAML_FIELD_END};

static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct library_policy, fields),
};

/* 0 is a value: what is not said has to be told from it. */
static void fill_defaults(struct library_policy *policy, const struct buffer *text)
{
	if (!yaml_line_of(text, "chain-depth"))
		policy->chain_depth = DEFAULT_CHAIN_DEPTH;
	if (!yaml_line_of(text, "trash-days"))
		policy->trash_days = DEFAULT_TRASH_DAYS;
	if (!yaml_line_of(text, "run-days"))
		policy->run_days = DEFAULT_RUN_DAYS;
}

static int check_absolute(const char *path, const char *key, const char *value, struct error *err)
{
	if (!value || value[0] == '/')
		return 0;
	return error_set(err, ERROR_CONFIG, "%s: %s: %s is no absolute path", path, key, value);
}

static int check(const char *path, const struct library_policy *policy, struct error *err)
{
	if (policy->chain_depth < 1 || policy->chain_depth > MAX_CHAIN_DEPTH)
		return error_set(err, ERROR_CONFIG, "%s: chain-depth: %u is not 1 to %d", path,
				 policy->chain_depth, MAX_CHAIN_DEPTH);
	for (unsigned i = 0; i < policy->n_clone_roots; i++)
		if (check_absolute(path, "clone-roots", policy->clone_roots[i], err) < 0)
			return -1;
	for (unsigned i = 0; i < policy->n_executors; i++)
		if (strcmp(policy->executors[i], "sandbox") != 0 &&
		    strcmp(policy->executors[i], "appliance") != 0)
			return error_set(err, ERROR_CONFIG,
					 "%s: executors: %s is neither sandbox nor appliance", path,
					 policy->executors[i]);
	return check_absolute(path, "publish", policy->publish, err);
}

/* Anything but blank lines, comments and the marks of a document. */
static bool has_content(const struct buffer *text)
{
	const char *end = text->data + text->len;

	for (const char *line = text->data; line && line < end;) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((next ? next : end) - line);
		CLEANUP_FREE char *copy = xstrndup(line, len);
		const char *word = copy + strspn(copy, " \t\r");

		if (strlen(copy) != len || (*word && *word != '#' && strcmp(word, "---") != 0))
			return true;
		line = next ? next + 1 : NULL;
	}
	return false;
}

/* libcyaml's words for too few entries; one list alone has to have any. */
static int load(const char *path, const struct buffer *text, void **ret, struct error *err)
{
	if (yaml_load(path, text, &schema, ret, err) == 0)
		return 0;
	if (!strstr(err->msg, "Insufficient entries"))
		return -1;
	return error_set(err, ERROR_CONFIG,
			 "%s: executors: an empty list allows none; name sandbox or appliance, or "
			 "leave it out to allow what the host does",
			 path);
}

int policy_parse(const char *path, const struct buffer *text, struct library_policy *ret,
		 struct error *err)
{
	struct library_policy policy = {0};
	void *loaded = NULL;

	if (has_content(text) && load(path, text, &loaded, err) < 0)
		return -1;
	if (loaded)
		policy = *(struct library_policy *)loaded;
	free(loaded);
	fill_defaults(&policy, text);
	if (check(path, &policy, err) < 0) {
		policy_free(&policy);
		return -1;
	}
	*ret = policy;
	return 0;
}

void policy_free(struct library_policy *policy)
{
	strings_free(policy->executors, policy->n_executors);
	strings_free(policy->clone_roots, policy->n_clone_roots);
	free(policy->publish);
	*policy = (struct library_policy){0};
}
