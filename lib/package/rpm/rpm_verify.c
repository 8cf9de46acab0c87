/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state after the run must be the state before it with the plan's changes made, and nothing
 * else.  Several versions of a package side by side are nothing special here: each is an entry of
 * its own.
 */
#include <string.h>

#include "package/rpm/rpm.h"

struct entry {
	const char *name, *architecture, *evr;
};

struct entries {
	struct entry *items; /* sorted when both are complete */
	size_t n;
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	if (order == 0)
		order = strcmp(left->architecture, right->architecture);
	return order ? order : strcmp(left->evr, right->evr);
}

static void sort(struct entries *entries)
{
	if (entries->n)
		qsort(entries->items, entries->n, sizeof *entries->items, compare_entries);
}

static int read_entries(const struct package_state *state, const char *what,
			struct rpm_packages *ret_packages, struct entries *ret, struct error *err)
{
	if (rpm_packages_read(state, ret_packages, err) < 0) {
		err->kind = ERROR_GUEST;
		return error_prefix(err, "%s", what);
	}
	for (size_t i = 0; i < ret_packages->n_items; i++) {
		const struct rpm_header *header = ret_packages->items[i];

		*ARRAY_ADD(ret->items, ret->n) =
			(struct entry){rpm_header_name(header), rpm_header_architecture(header),
				       rpm_header_evr(header)};
	}
	return 0;
}

/* An update may change the architecture, from or to noarch. */
static struct entry *find_replaced(const struct entries *entries,
				   const struct package_change *change)
{
	struct entry *found = NULL;

	for (size_t i = 0; i < entries->n; i++) {
		struct entry *entry = &entries->items[i];

		if (strcmp(entry->name, change->name) != 0 || strcmp(entry->evr, change->from) != 0)
			continue;
		if (strcmp(entry->architecture, change->architecture) == 0)
			return entry;
		found = entry;
	}
	return found;
}

static int make_change(struct entries *entries, const struct package_change *change,
		       struct error *err)
{
	struct entry *replaced = change->from ? find_replaced(entries, change) : NULL;

	if (change->from && !replaced)
		return error_set(err, ERROR_GUEST,
				 "package %s %s is to be changed, and was not there before the run",
				 change->name, change->from);
	if (replaced)
		*replaced = entries->items[--entries->n];
	if (change->to)
		*ARRAY_ADD(entries->items, entries->n) =
			(struct entry){change->name, change->architecture, change->to};
	return 0;
}

static const struct package_change *find_change(const struct resolution *resolution,
						const struct entry *entry)
{
	for (size_t i = 0; i < resolution->n_changes; i++)
		if (strcmp(resolution->changes[i].name, entry->name) == 0 &&
		    strcmp(resolution->changes[i].architecture, entry->architecture) == 0)
			return &resolution->changes[i];
	return NULL;
}

/* What is there of the same name, for a message. */
static const struct entry *find_other(const struct entries *entries, const struct entry *entry)
{
	for (size_t i = 0; i < entries->n; i++)
		if (strcmp(entries->items[i].name, entry->name) == 0 &&
		    strcmp(entries->items[i].architecture, entry->architecture) == 0)
			return &entries->items[i];
	return NULL;
}

static int missing(const struct entry *entry, const struct entries *after,
		   const struct resolution *resolution, struct error *err)
{
	const struct package_change *change = find_change(resolution, entry);
	const struct entry *other = find_other(after, entry);

	if (change && change->to && strcmp(change->to, entry->evr) == 0)
		return error_set(err, ERROR_GUEST, "package %s should be %s, but is %s",
				 entry->name, entry->evr, other ? other->evr : "not installed");
	return error_set(err, ERROR_GUEST, "package %s %s was %s, which is not planned",
			 entry->name, entry->evr, other ? "replaced" : "removed");
}

static int additional(const struct entry *entry, const struct resolution *resolution,
		      struct error *err)
{
	const struct package_change *change = find_change(resolution, entry);

	if (change && change->from && strcmp(change->from, entry->evr) == 0)
		return error_set(err, ERROR_GUEST, "package %s %s should be gone, but is there",
				 entry->name, entry->evr);
	return error_set(err, ERROR_GUEST, "package %s %s was installed, which is not planned",
			 entry->name, entry->evr);
}

static bool has(const struct entries *entries, const struct entry *entry)
{
	return entries->n &&
	       bsearch(entry, entries->items, entries->n, sizeof *entries->items, compare_entries);
}

static int compare_states(const struct entries *expected, const struct entries *after,
			  const struct resolution *resolution, struct error *err)
{
	for (size_t i = 0; i < expected->n; i++)
		if (!has(after, &expected->items[i]))
			return missing(&expected->items[i], after, resolution, err);
	for (size_t i = 0; i < after->n; i++) {
		const struct entry *entry = &after->items[i];

		if (!has(expected, entry))
			return additional(entry, resolution, err);
		if (i > 0 && compare_entries(entry - 1, entry) == 0)
			return error_set(err, ERROR_GUEST, "package %s %s is there twice",
					 entry->name, entry->evr);
	}
	return 0;
}

int rpm_verify(const struct package_state *before, const struct package_state *after,
	       const struct resolution *resolution, struct error *err)
{
	CLEANUP_RPM_PACKAGES struct rpm_packages old = {0}, now = {0};
	CLEANUP_FREE struct entry *expected_items = NULL, *found_items = NULL;
	struct entries expected = {0}, found = {0};
	int status = read_entries(before, "before the run", &old, &expected, err);

	if (status == 0)
		status = read_entries(after, "after the run", &now, &found, err);
	for (size_t i = 0; i < resolution->n_changes && status == 0; i++)
		status = make_change(&expected, &resolution->changes[i], err);
	sort(&expected);
	sort(&found);
	expected_items = expected.items;
	found_items = found.items;
	return status < 0 ? -1 : compare_states(&expected, &found, resolution, err);
}
