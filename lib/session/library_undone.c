/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/library_undone.h"

#include <string.h>

#include "session/package_purl.h"

static bool brought(const struct lineage_step *step, const char *stem)
{
	const struct record_dependency *package;

	if (!step->record)
		return false;
	for (size_t i = 0; (package = record_dependency_named(step->record, "package", i)); i++)
		if (package->uri && package_purl_has_stem(package->uri, stem))
			return true;
	return false;
}

/* One of the `n` generations from `step` on brought it. */
static bool any_brought(const struct lineage *lineage, const struct lineage_step *step, size_t n,
			const char *stem)
{
	for (; n; n--, step = lineage_step(lineage, step->before))
		if (brought(step, stem))
			return true;
	return false;
}

static void find_packages(const struct lineage *lineage, int64_t from, int64_t to,
			  const struct plan *plan, struct undone *undone)
{
	const struct lineage_step *step = lineage_step(lineage, from);
	/* What cannot be read may be no less bad: then all that is known is held against. */
	size_t distance = lineage_apart(lineage, from, to).n;

	for (size_t i = 0; distance && i < plan->resolution.n_changes; i++) {
		const struct package_change *change = &plan->resolution.changes[i];
		CLEANUP_FREE char *stem = change->to ? package_purl_stem(plan, change) : NULL;

		if (!stem || !any_brought(lineage, step, distance, stem))
			continue;
		if (!undone->package)
			undone->package = change;
		undone->n++;
	}
}

bool undone_find(const struct template *template, const struct lineage *lineage,
		 const struct plan *plan, int64_t now, struct undone *ret)
{
	struct digest digest;

	plan_digest(plan, &digest);
	for (size_t i = template->n_heads; i-- > 1;) {
		const struct head *head = template->heads[i].head;
		const struct head *before = template->heads[i - 1].head;
		struct undone undone = {.rollback = head};

		if (!template_is_held_by_rollback(template, i, now))
			continue;
		if (before)
			find_packages(lineage, (int64_t)before->generation,
				      (int64_t)head->generation, plan, &undone);
		if (undone.n || (head->has_undone && digest_equal(&head->undone_plan, &digest))) {
			*ret = undone;
			return true;
		}
	}
	return false;
}
