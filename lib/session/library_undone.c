/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/library_undone.h"

#include <string.h>

#include "session/package_purl.h"

/* Was the generation current again, or one that was made of it, after rollback heads[i]? */
static bool came_back(const struct template *template, const struct lineage *lineage, size_t i,
		      const struct lineage_step *step)
{
	int64_t number = (int64_t)step->generation->number;

	while (++i < template->n_heads) {
		const struct head *later = template->heads[i].head;
		struct lineage_way way;

		if (!later || template->heads[i].problem)
			continue;
		way = lineage_distance(lineage, (int64_t)later->generation, number);
		if ((int64_t)later->generation == number || (way.n && !way.lost))
			return true;
	}
	return false;
}

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

/* What a rollback undid. */
struct undoing {
	const struct template *template;
	const struct lineage *lineage;
	size_t i;			 /* its head */
	const struct lineage_step *from; /* the last generation of them, and */
	size_t n;			 /* how many there are */
};

static bool any_brought(const struct undoing *undoing, const char *stem)
{
	const struct lineage_step *step = undoing->from;

	for (size_t n = undoing->n; n; n--, step = lineage_step(undoing->lineage, step->before))
		if (brought(step, stem) &&
		    !came_back(undoing->template, undoing->lineage, undoing->i, step))
			return true;
	return false;
}

static void find_packages(const struct undoing *undoing, const struct plan *plan,
			  struct undone *undone)
{
	for (size_t i = 0; undoing->n && i < plan->resolution.n_changes; i++) {
		const struct package_change *change = &plan->resolution.changes[i];
		CLEANUP_FREE char *stem = change->to ? package_purl_stem(plan, change) : NULL;

		if (!stem || !any_brought(undoing, stem))
			continue;
		if (!undone->package)
			undone->package = change;
		undone->n++;
	}
}

bool undone_by(const struct template *template, const struct lineage *lineage, size_t i,
	       int64_t now, uint64_t *ret)
{
	const struct head *head = template->heads[i].head;
	struct lineage_way way;

	if (!template_is_held_by_rollback(template, i, now) || !template_undone(template, i, ret))
		return false;
	way = lineage_apart(lineage, (int64_t)*ret, (int64_t)head->generation);
	return way.n || way.lost || head->has_undone;
}

bool undone_find(const struct template *template, const struct lineage *lineage,
		 const struct plan *plan, int64_t now, struct undone *ret)
{
	struct digest digest;

	plan_digest(plan, &digest);
	for (size_t i = template->n_heads; i-- > 1;) {
		const struct head *head = template->heads[i].head;
		struct undoing undoing = {.template = template, .lineage = lineage, .i = i};
		struct undone undone = {.rollback = head};
		uint64_t from;

		if (!template_is_held_by_rollback(template, i, now))
			continue;
		if (template_undone(template, i, &from)) {
			undoing.from = lineage_step(lineage, (int64_t)from);
			/* What cannot be read may be no less bad: then all that is known is held
			 * against. */
			undoing.n =
				lineage_apart(lineage, (int64_t)from, (int64_t)head->generation).n;
		}
		find_packages(&undoing, plan, &undone);
		if (undone.n || (head->has_undone && digest_equal(&head->undone_plan, &digest))) {
			*ret = undone;
			return true;
		}
	}
	return false;
}
