/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pattern does not say which of the forms it has, and a name may hold dashes and dots.  So the
 * package is written in every form, and the pattern tried on each, as yum does.  dnf has no form
 * with the epoch in front of the name, and takes the first of its forms that some package has: so
 * more may match here.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "package/rpm/rules.h"

static bool matches(const char *pattern, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool matches(const char *pattern, const char *fmt, ...)
{
	char *text = NULL;
	bool result;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	result = fnmatch(pattern, text, 0) == 0;
	free(text);
	return result;
}

/* What a pattern begins with is in the name, or goes on after it.  Most patterns end here. */
static bool may_match(const char *pattern, const char *name)
{
	size_t literal = strcspn(pattern, "*?[\\"), len = strlen(name);

	return strncmp(pattern, name, literal < len ? literal : len) == 0 ||
	       pattern[strspn(pattern, "0123456789")] == ':';
}

/* "-VERSION" of "VERSION-RELEASE" */
static int version_length(const char *evr)
{
	const char *dash = strrchr(evr, '-');

	return (int)(dash ? (size_t)(dash - evr) : strlen(evr));
}

static bool matches_version(const char *pattern, const char *name, const char *evr,
			    const char *arch)
{
	return matches(pattern, "%s-%s", name, evr) ||
	       matches(pattern, "%s-%s.%s", name, evr, arch) ||
	       matches(pattern, "%s-%.*s", name, version_length(evr), evr);
}

static bool matches_any_form(const char *pattern, const struct rpm_nevra *package)
{
	const char *colon = strchr(package->evr, ':');
	const char *version = colon ? colon + 1 : package->evr;
	int epoch_len = colon ? (int)(colon - package->evr) : 1;
	const char *epoch = colon ? package->evr : "0";
	CLEANUP_FREE char *full = xasprintf("%.*s:%s", epoch_len, epoch, version);
	CLEANUP_FREE char *epoch_name = xasprintf("%.*s:%s", epoch_len, epoch, package->name);

	return fnmatch(pattern, package->name, 0) == 0 ||
	       matches(pattern, "%s.%s", package->name, package->architecture) ||
	       matches_version(pattern, package->name, version, package->architecture) ||
	       matches_version(pattern, package->name, full, package->architecture) ||
	       matches_version(pattern, epoch_name, version, package->architecture);
}

bool rpm_pattern_matches(const char *pattern, const struct rpm_nevra *package)
{
	return may_match(pattern, package->name) && matches_any_form(pattern, package);
}

const struct rpm_rule *rpm_rules_not_included(const struct rpm_rules *rules,
					      const struct rpm_nevra *package)
{
	const struct rpm_rule *by = NULL;

	for (size_t i = 0; i < rules->n_items; i++) {
		const struct rpm_rule *rule = &rules->items[i];

		if (rule->kind != RPM_RULE_INCLUDE)
			continue;
		if (rpm_pattern_matches(rule->pattern, package))
			return NULL;
		by = rule;
	}
	return by;
}

/* NAME, and what is left of it without one part after a dash, and without two. */
bool rpm_pattern_names(const char *pattern, const char *name)
{
	const char *colon = strchr(pattern, ':');
	CLEANUP_FREE char *copy = NULL;
	char *dot, *dash;

	if (!may_match(pattern, name))
		return false;
	if (colon && strspn(pattern, "0123456789") == (size_t)(colon - pattern))
		pattern = colon + 1;
	copy = xstrdup(pattern);
	if (fnmatch(copy, name, 0) == 0)
		return true;
	dot = strrchr(copy, '.');
	if (dot) {
		*dot = '\0';
		if (fnmatch(copy, name, 0) == 0)
			return true;
		*dot = '.';
	}
	for (int parts = 0; parts < 2 && (dash = strrchr(copy, '-')); parts++) {
		*dash = '\0';
		if (fnmatch(copy, name, 0) == 0)
			return true;
	}
	return false;
}

bool rpm_hold_matches(const char *pattern, const struct rpm_nevra *package)
{
	return fnmatch(pattern, package->name, 0) == 0 ||
	       matches(pattern, "%s.%s", package->name, package->architecture) ||
	       matches(pattern, "%s:%s", package->name, package->architecture);
}
