/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What keeps a template from being patched, as its heads tell it: a hold keeps it from everything,
 * a rollback from what it undid.  A release ends the hold that is in force when it is made; where
 * there is none, it ends what rollbacks hold against.  So who lifts a hold does not let in what
 * somebody else took back.
 *
 * What does not fit its place may still hold, and cannot release.
 */
#include "library/template.h"

static bool is_in_force(const struct head *head, int64_t now)
{
	return head && (head->until == 0 || head->until > now);
}

/* As the first `n` heads tell it. */
static const struct head *hold_of(const struct template *template, size_t n, int64_t now)
{
	const struct head *hold = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct head *head = template->heads[i].head;

		if (head && head->kind == HEAD_HOLD)
			hold = head;
		else if (head && head->kind == HEAD_RELEASE && !template->heads[i].problem)
			hold = NULL;
	}
	return is_in_force(hold, now) ? hold : NULL;
}

const struct head *template_hold(const struct template *template, int64_t now)
{
	return hold_of(template, template->n_heads, now);
}

bool template_undone(const struct template *template, size_t i, uint64_t *ret)
{
	const struct head *rollback = template->heads[i].head;

	while (i-- > 0) {
		const struct head *before = template->heads[i].head;

		if (!before)
			return false;
		*ret = before->generation;
		if (before->generation != rollback->generation)
			return true;
	}
	return false;
}

static bool releases_rollbacks(const struct template *template, size_t i)
{
	const struct head *head = template->heads[i].head;

	return head->kind == HEAD_RELEASE && !hold_of(template, i, head->time);
}

bool template_is_held_by_rollback(const struct template *template, size_t i, int64_t now)
{
	const struct head *rollback = template->heads[i].head;
	bool stays = true; /* where it went back to */
	uint64_t undone = 0;
	bool known;

	if (!is_in_force(rollback, now) || rollback->kind != HEAD_ROLLBACK)
		return false;
	known = template_undone(template, i, &undone);
	while (++i < template->n_heads) {
		const struct head *later = template->heads[i].head;

		stays = stays && later && later->generation == rollback->generation;
		if (!later || template->heads[i].problem)
			continue;
		if ((known && later->generation == undone) ||
		    (stays && later->kind == HEAD_ROLLBACK) || releases_rollbacks(template, i))
			return false;
	}
	return true;
}
