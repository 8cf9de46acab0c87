/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each generation has at most one reason: the first one found.  What backs a kept generation is
 * found last, by repeating until nothing changes: a chain is kept or taken from the top down, never
 * in its middle.
 */
#include "library/retention.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/text.h"
#include "disk/backing.h"
#include "library/trash.h"

enum { STORED_BLOCK = 512 };

struct making {
	const struct library *library;
	const struct template *template;
	const struct clones *clones;
	const struct retention_rules *rules;
	struct retention_plan *plan;
};

static struct retention_item *item_of(const struct retention_plan *plan, uint64_t number)
{
	for (size_t i = 0; i < plan->n_items; i++)
		if (plan->items[i].number == number)
			return &plan->items[i];
	return NULL;
}

/* The first reason stays. */
static void keep(struct retention_item *item, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void keep(struct retention_item *item, const char *fmt, ...)
{
	va_list ap;

	if (!item || item->reason)
		return;
	va_start(ap, fmt);
	if (vasprintf(&item->reason, fmt, ap) < 0)
		abort();
	va_end(ap);
}

static void keep_all(struct retention_plan *plan, const char *reason)
{
	for (size_t i = 0; i < plan->n_items; i++)
		keep(&plan->items[i], "%s", reason);
}

/* --- the template --- */

static void day_of(int64_t time, char ret[static 16])
{
	time_t seconds = (time_t)time;
	struct tm utc;

	if (!gmtime_r(&seconds, &utc) || !strftime(ret, 16, "%Y-%m-%d", &utc))
		strcpy(ret, "?");
}

static void keep_held(const struct making *making)
{
	const struct head *hold = template_hold(making->template, making->rules->now);
	CLEANUP_FREE char *reason = NULL;
	char day[16] = "";

	if (!hold)
		return;
	if (hold->until)
		day_of(hold->until, day);
	reason = xasprintf("the template is held%s%s: %s", hold->until ? " until " : "", day,
			   hold->reason ? hold->reason : "no reason was said");
	keep_all(making->plan, reason);
}

static void keep_unverified(const struct making *making)
{
	const struct template *template = making->template;

	for (size_t i = 0; i < template->n_heads; i++) {
		CLEANUP_FREE char *reason = NULL;

		if (!template->heads[i].problem && template->heads[i].head)
			continue;
		reason = xasprintf("head %" PRIu64 " does not verify", template->heads[i].number);
		keep_all(making->plan, reason);
		return;
	}
}

static uint64_t current_number(const struct template *template)
{
	const struct template_head *last = template_last_head(template);

	return last && last->head ? last->head->generation : UINT64_MAX;
}

static bool is_lost(const struct template *template, uint64_t number)
{
	const struct template_generation *generation =
		template_generation_numbered(template, number);

	return generation && generation->pruned;
}

/* What it is backed by, and by what it can be told from, is all that is left of it. */
static void keep_lost(const struct making *making)
{
	const struct template *template = making->template;
	CLEANUP_FREE char *reason = NULL;

	if (is_lost(template, current_number(template)))
		reason = xasprintf("generation %" PRIu64 " was pruned, and is current",
				   current_number(template));
	for (size_t i = 0; i < template->n_pins && !reason; i++)
		if (is_lost(template, template->pins[i].generation))
			reason = xasprintf("generation %" PRIu64 " was pruned, and is pinned",
					   template->pins[i].generation);
	if (reason)
		keep_all(making->plan, reason);
}

/* --- heads --- */

static bool has_come(const struct template_head *head, int64_t now)
{
	return head->head && head->head->time <= now;
}

/* The time of the head at `index`, which is not before that of any earlier one: a clock that went
 * back in between makes nothing older than it is.  One of a clock that was ahead tells nothing but
 * that it was made before the next: so what it ended is not older than it is either, and what came
 * after it does not stay recent until that day. */
static int64_t time_of_head(const struct template *template, size_t index, int64_t now)
{
	int64_t latest = INT64_MIN;

	while (index < template->n_heads && !has_come(&template->heads[index], now))
		index++;
	if (index == template->n_heads)
		return now;
	for (size_t i = 0; i <= index; i++)
		if (has_come(&template->heads[i], now) && template->heads[i].head->time > latest)
			latest = template->heads[i].head->time;
	return latest;
}

/* A generation was current until the next head made another one current. */
static void keep_recent(const struct making *making)
{
	const struct template *template = making->template;
	const struct retention_rules *rules = making->rules;
	int64_t ended = rules->now;
	int64_t days = (rules->keep_within_s + 86399) / 86400;

	for (size_t i = template->n_heads; i-- > 0 && rules->keep_within_s;) {
		const struct head *head = template->heads[i].head;

		if (!head)
			return;
		if (ended >= rules->now - rules->keep_within_s)
			keep(item_of(making->plan, head->generation),
			     "was current in the last %" PRId64 " day%s", days,
			     plural((size_t)days));
		ended = time_of_head(template, i, rules->now);
	}
}

static void keep_last(const struct making *making)
{
	const struct template *template = making->template;
	CLEANUP_FREE uint64_t *seen = xcalloc(template->n_heads + 1, sizeof *seen);
	size_t n_seen = 0;

	for (size_t i = template->n_heads; i-- > 0;) {
		const struct head *head = template->heads[i].head;
		bool known = false;

		for (size_t j = 0; head && j < n_seen; j++)
			known = known || seen[j] == head->generation;
		if (!head || known)
			continue;
		if (n_seen == making->rules->keep_last)
			return;
		seen[n_seen++] = head->generation;
		keep(item_of(making->plan, head->generation), "one of the last %u",
		     making->rules->keep_last);
	}
}

/* --- others --- */

/* "anna, /vms/a.qcow2": all that pin the generation, as each of them keeps it; NULL: none. */
static char *pinned_by(const struct template *template, uint64_t number)
{
	char *all = NULL;

	for (size_t i = 0; i < template->n_pins; i++) {
		const struct template_pin *pin = &template->pins[i];
		CLEANUP_FREE char *before = NULL;

		if (pin->generation != number)
			continue;
		before = all;
		all = xasprintf("%s%s%s", before ? before : "", before ? ", " : "",
				pin->who ? pin->who : "?");
	}
	return all;
}

static void keep_pinned(const struct making *making)
{
	if (making->template->pins_unknown)
		keep_all(making->plan, "who pins what cannot be read");
	for (size_t i = 0; i < making->plan->n_items; i++) {
		struct retention_item *item = &making->plan->items[i];
		CLEANUP_FREE char *who = pinned_by(making->template, item->number);

		if (who)
			keep(item, "pinned by %s", who);
	}
}

static bool is_of(const struct clone_use *use, const struct template *template)
{
	return use->target == CLONE_OF_GENERATION &&
	       strcmp(use->template_name, template->name) == 0;
}

/* An overlay of the same template keeps only while it is kept itself. */
static bool is_own(const struct clone_use *use, const struct template *template)
{
	return use->place == CLONE_IN_TEMPLATE && strcmp(use->own_template, template->name) == 0;
}

static bool keeps(const struct clone_use *use, const struct template *template)
{
	return is_of(use, template) && !is_own(use, template) && use->place != CLONE_IN_TRASH;
}

static void keep_cloned(const struct making *making)
{
	for (size_t i = 0; i < making->clones->n_uses; i++) {
		const struct clone_use *use = &making->clones->uses[i];

		if (!keeps(use, making->template))
			continue;
		keep(item_of(making->plan, use->number), "%s %s",
		     use->place == CLONE_OUTSIDE ? "backs the clone" : "backs", use->path);
	}
}

static int disk_in_use(const struct making *making, const struct template_generation *generation,
		       size_t disk, bool *ret, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/%" PRIu64 "/disk%zu.qcow2",
						making->template->name, generation->number, disk);
	CLEANUP_CLOSE int fd = library_openat(making->library, relative, O_RDONLY, 0, err);

	if (fd < 0)
		return -1;
	if (image_file_in_use(fd, ret, err) < 0)
		return error_prefix(err, "%s", generation->disks[disk]);
	return 0;
}

static int keep_used(const struct making *making, const struct template_generation *generation,
		     struct error *err)
{
	struct retention_item *item = item_of(making->plan, generation->number);

	for (size_t i = 0; i < generation->n_disks && !item->reason; i++) {
		bool used = false;

		if (disk_in_use(making, generation, i, &used, err) < 0)
			return -1;
		if (used)
			keep(item, "%s is open in QEMU", generation->disks[i]);
	}
	return 0;
}

static int keep_each(const struct making *making, struct error *err)
{
	const struct template *template = making->template;

	for (size_t i = 0; i < template->n_generations; i++) {
		const struct template_generation *generation = &template->generations[i];
		struct retention_item *item = item_of(making->plan, generation->number);

		if (!item)
			continue;
		if (generation->number == current_number(template))
			keep(item, "current");
		if (!generation->named)
			keep(item, "no head names it");
		if (generation->problem)
			keep(item, "damaged: %s", generation->problem);
		if (keep_used(making, generation, err) < 0)
			return -1;
	}
	return 0;
}

/* --- chains --- */

static void keep_backing(const struct making *making)
{
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = 0; i < making->clones->n_uses; i++) {
			const struct clone_use *use = &making->clones->uses[i];
			struct retention_item *above, *below;

			if (!is_of(use, making->template) || !is_own(use, making->template))
				continue;
			above = item_of(making->plan, use->own_number);
			below = item_of(making->plan, use->number);
			if (!above || !above->reason || !below || below->reason)
				continue;
			keep(below, "backs generation %" PRIu64, above->number);
			changed = true;
		}
	}
}

static bool has_below(const struct retention_item *item, uint64_t number)
{
	for (size_t i = 0; i < item->n_below; i++)
		if (item->below[i] == number)
			return true;
	return item->number == number;
}

static void find_below(const struct making *making, struct retention_item *item)
{
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = 0; i < making->clones->n_uses; i++) {
			const struct clone_use *use = &making->clones->uses[i];

			if (!is_of(use, making->template) || !is_own(use, making->template) ||
			    !has_below(item, use->own_number) || has_below(item, use->number))
				continue;
			*ARRAY_ADD(item->below, item->n_below) = use->number;
			changed = true;
		}
	}
}

/* --- the plan --- */

static uint64_t stored_bytes(const struct template_generation *generation)
{
	uint64_t sum = 0;
	struct stat st;

	for (size_t i = 0; i < generation->n_disks; i++)
		if (lstat(generation->disks[i], &st) == 0)
			sum += (uint64_t)st.st_blocks * STORED_BLOCK;
	return sum;
}

static void add_items(const struct making *making)
{
	const struct template *template = making->template;

	making->plan->template_name = xstrdup(template->name);
	for (size_t i = 0; i < template->n_generations; i++) {
		const struct template_generation *generation = &template->generations[i];
		struct retention_item *item;

		if (generation->pruned)
			continue;
		item = ARRAY_ADD(making->plan->items, making->plan->n_items);
		item->number = generation->number;
		item->bytes = stored_bytes(generation);
		find_below(making, item);
	}
}

static int judge(const struct making *making, struct error *err)
{
	const struct retention_rules *rules = making->rules;

	keep_unverified(making);
	keep_lost(making);
	keep_held(making);
	if (!rules->keep_last && !rules->keep_within_s)
		keep_all(making->plan, "no rule was given");
	keep_pinned(making);
	keep_cloned(making);
	if (keep_each(making, err) < 0)
		return -1;
	keep_last(making);
	keep_recent(making);
	keep_backing(making);
	for (size_t i = 0; i < making->plan->n_items; i++) {
		struct retention_item *item = &making->plan->items[i];

		item->taken = !item->reason;
		keep(item, "no rule keeps it");
	}
	return 0;
}

int retention_plan_new(const struct library *library, const struct template *template,
		       const struct clones *clones, const struct retention_rules *rules,
		       struct retention_plan *ret, struct error *err)
{
	struct retention_plan plan = {0};
	const struct making making = {library, template, clones, rules, &plan};

	add_items(&making);
	if (judge(&making, err) < 0) {
		retention_plan_free(&plan);
		return -1;
	}
	*ret = plan;
	return 0;
}

void retention_plan_free(struct retention_plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++) {
		free(plan->items[i].reason);
		free(plan->items[i].below);
	}
	free(plan->items);
	free(plan->template_name);
	*plan = (struct retention_plan){0};
}

static bool wants(const struct retention_plan *plan, const struct retention_item *item,
		  uint64_t number)
{
	const struct retention_item *wanted = item_of(plan, number);

	return number == item->number || (wanted && has_below(wanted, item->number));
}

bool retention_is_used(const struct template *template, const struct retention_plan *plan,
		       const struct retention_item *item, const struct clones *clones)
{
	for (size_t i = 0; i < clones->n_uses; i++) {
		const struct clone_use *use = &clones->uses[i];

		if (keeps(use, template) && wants(plan, item, use->number))
			return true;
	}
	return false;
}

bool retention_is_needed(const struct template *template, const struct retention_plan *plan,
			 const struct retention_item *item)
{
	if (template->pins_unknown || wants(plan, item, current_number(template)))
		return true;
	for (size_t i = 0; i < template->n_pins; i++)
		if (wants(plan, item, template->pins[i].generation))
			return true;
	return false;
}
