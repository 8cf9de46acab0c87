/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What prune would take, for templates made up here: heads with times, pins, who backs whom. */
#include <check.h>
#include <string.h>

#include "library/retention.h"
#include "library/trash.h"
#include "suite.h"

enum { DAY = 86400, NOW = 1000 * DAY, MAX = 8 };

static struct template_head heads[MAX];
static struct head said[MAX];
static struct template_generation generations[MAX];
static struct template_pin pins[MAX];
static struct clone_use uses[MAX];
static struct template template;
static struct clones clones;
static struct retention_plan plan;

static void head(enum head_kind kind, uint64_t generation, int days_ago)
{
	size_t i = template.n_heads++;

	said[i] = (struct head){.kind = kind,
				.generation = generation,
				.number = i + 1,
				.time = NOW - (int64_t)days_ago * DAY};
	heads[i] = (struct template_head){.number = i + 1, .head = &said[i]};
}

/* `n` generations, each backed by the one before, that came 100 days apart, the last one now. */
static void make(size_t n)
{
	static char name[] = "web";

	template = (struct template){
		.name = name, .heads = heads, .generations = generations, .pins = pins};
	clones = (struct clones){.uses = uses};
	for (size_t i = 0; i < n; i++) {
		generations[i] = (struct template_generation){.number = i, .named = true};
		head(i ? HEAD_COMMIT : HEAD_IMPORT, i, (int)(n - 1 - i) * 100);
		if (i)
			uses[clones.n_uses++] = (struct clone_use){.place = CLONE_IN_TEMPLATE,
								   .own_template = name,
								   .own_number = i,
								   .target = CLONE_OF_GENERATION,
								   .template_name = name,
								   .number = i - 1};
	}
	template.n_generations = n;
}

static void no_chain(void)
{
	clones.n_uses = 0;
}

static void judge(unsigned last, int days)
{
	const struct retention_rules rules = {
		.keep_last = last, .keep_within_s = (int64_t)days * DAY, .now = NOW};
	struct error err = {0};

	retention_plan_free(&plan);
	ck_assert_int_eq(retention_plan_new(NULL, &template, &clones, &rules, &plan, &err), 0);
}

static void taken(uint64_t number)
{
	for (size_t i = 0; i < plan.n_items; i++)
		if (plan.items[i].number == number) {
			ck_assert_msg(plan.items[i].taken, "%d: %s", (int)number,
				      plan.items[i].reason);
			return;
		}
	ck_abort_msg("%d is not in the plan", (int)number);
}

static void kept(uint64_t number, const char *reason)
{
	for (size_t i = 0; i < plan.n_items; i++)
		if (plan.items[i].number == number) {
			ck_assert(!plan.items[i].taken);
			ck_assert_str_eq(plan.items[i].reason, reason);
			return;
		}
	ck_abort_msg("%d is not in the plan", (int)number);
}

START_TEST(without_a_rule_nothing_goes)
{
	make(3);
	no_chain();
	judge(0, 0);
	kept(0, "no rule was given");
	kept(2, "no rule was given");
}
END_TEST

START_TEST(a_chain_stays_below_what_is_kept)
{
	make(4);
	judge(1, 0);
	kept(3, "current");
	kept(2, "backs generation 3");
	kept(0, "backs generation 1");
}
END_TEST

START_TEST(a_chain_goes_from_its_top)
{
	make(4);
	head(HEAD_ROLLBACK, 1, 0);
	judge(1, 0);
	kept(0, "backs generation 1");
	kept(1, "current");
	taken(2);
	taken(3);
	ck_assert_uint_eq(plan.items[3].n_below, 3);
}
END_TEST

START_TEST(the_last_are_counted_by_their_last_head)
{
	make(4);
	no_chain();
	head(HEAD_ROLLBACK, 0, 0);
	head(HEAD_HOLD, 0, 0);
	head(HEAD_RELEASE, 0, 0);
	judge(2, 0);
	kept(0, "current");
	taken(1);
	taken(2);
	kept(3, "one of the last 2");
}
END_TEST

START_TEST(a_time_is_counted_from_when_it_ended)
{
	make(4); /* current from 300, 200, 100, 0 days ago */
	no_chain();
	judge(0, 150);
	kept(3, "current");
	kept(2, "was current in the last 150 days");
	kept(1, "was current in the last 150 days");
	taken(0);
	judge(0, 99);
	taken(1);
	kept(2, "was current in the last 99 days");
}
END_TEST

START_TEST(a_clock_that_went_back_makes_nothing_older)
{
	make(4);
	no_chain();
	said[3].time = NOW - (int64_t)2000 * DAY;
	judge(0, 150);
	kept(3, "current");
	kept(2, "was current in the last 150 days");
	kept(1, "was current in the last 150 days");
	taken(0);
}
END_TEST

START_TEST(a_clock_that_was_ahead_makes_nothing_younger)
{
	make(4);
	no_chain();
	said[1].time = NOW + (int64_t)2000 * DAY;
	judge(0, 150);
	kept(2, "was current in the last 150 days");
	kept(1, "was current in the last 150 days");
	kept(0, "was current in the last 150 days"); /* until some day before 1 ended */
	judge(0, 99);
	kept(2, "was current in the last 99 days");
	taken(1);
	taken(0);
}
END_TEST

START_TEST(when_the_last_ended_is_not_known_while_its_clock_is_ahead)
{
	make(4);
	no_chain();
	said[3].time = NOW + (int64_t)2000 * DAY;
	judge(0, 1);
	kept(3, "current");
	kept(2, "was current in the last 1 day");
	taken(1);
}
END_TEST

START_TEST(either_rule_keeps)
{
	make(4);
	no_chain();
	judge(3, 1);
	taken(0);
	kept(1, "one of the last 3");
}
END_TEST

START_TEST(pins_keep)
{
	static char who[] = "the CI";

	make(3);
	no_chain();
	pins[0] = (struct template_pin){.generation = 1, .who = who};
	template.n_pins = 1;
	judge(1, 0);
	taken(0);
	kept(1, "pinned by the CI");
}
END_TEST

START_TEST(unknown_pins_keep_all)
{
	make(3);
	no_chain();
	judge(1, 0);
	taken(0);
	template.pins_unknown = true;
	ck_assert(retention_is_needed(&template, &plan, &plan.items[0]));
	judge(1, 0);
	kept(0, "who pins what cannot be read");
	kept(1, "who pins what cannot be read");
}
END_TEST

START_TEST(clones_and_overlays_keep_but_not_the_trash)
{
	static char clone[] = "/vms/a.qcow2", other[] = "db";

	make(4);
	no_chain();
	uses[0] = (struct clone_use){.path = clone, .template_name = template.name, .number = 0};
	uses[1] = (struct clone_use){.path = clone,
				     .place = CLONE_IN_TEMPLATE,
				     .own_template = other,
				     .template_name = template.name,
				     .number = 1};
	uses[2] = (struct clone_use){.path = clone,
				     .place = CLONE_IN_TRASH,
				     .template_name = template.name,
				     .number = 2};
	clones.n_uses = 3;
	judge(1, 0);
	kept(0, "backs the clone /vms/a.qcow2");
	kept(1, "backs /vms/a.qcow2");
	taken(2);
	uses[0].target = CLONE_OF_CURRENT;
	judge(1, 0);
	taken(0);
}
END_TEST

START_TEST(a_held_template_keeps_all)
{
	static char reason[] = "frozen";

	make(3);
	no_chain();
	head(HEAD_HOLD, 2, 0);
	said[3].until = NOW + DAY;
	said[3].reason = reason;
	judge(1, 0);
	kept(0, "the template is held until 1972-09-28: frozen");
	said[3].reason = NULL;
	said[3].until = 0;
	judge(1, 0);
	kept(0, "the template is held: no reason was said");
	said[3].until = NOW - 1;
	judge(1, 0);
	taken(0);
}
END_TEST

START_TEST(damage_keeps)
{
	static char problem[] = "disk0.qcow2 is missing";

	make(3);
	no_chain();
	generations[0].problem = problem;
	generations[1].named = false;
	judge(1, 0);
	kept(0, "damaged: disk0.qcow2 is missing");
	kept(1, "no head names it");
	heads[1].problem = problem;
	judge(1, 0);
	kept(0, "head 2 does not verify");
	kept(2, "head 2 does not verify");
}
END_TEST

START_TEST(what_was_pruned_is_no_question)
{
	make(3);
	generations[0].pruned = true;
	judge(1, 0);
	ck_assert_uint_eq(plan.n_items, 2);
}
END_TEST

START_TEST(the_second_look_sees_heads_and_pins)
{
	make(4);
	head(HEAD_ROLLBACK, 0, 0);
	judge(1, 0);
	taken(1);
	taken(3);
	ck_assert(!retention_is_needed(&template, &plan, &plan.items[1]));
	head(HEAD_ROLLBACK, 2, 0); /* needs what is below it, and not what is above */
	ck_assert(retention_is_needed(&template, &plan, &plan.items[1]));
	ck_assert(retention_is_needed(&template, &plan, &plan.items[2]));
	ck_assert(!retention_is_needed(&template, &plan, &plan.items[3]));
	pins[0] = (struct template_pin){.generation = 3};
	template.n_pins = 1;
	ck_assert(retention_is_needed(&template, &plan, &plan.items[3]));
}
END_TEST

START_TEST(a_run_tells_its_time)
{
	ck_assert_int_eq(run_id_time("19700102T000001Z-0a1b2c-web-1"), 86401);
	ck_assert_int_eq(run_id_time("19700102T000001Z"), -1);
	ck_assert_int_eq(run_id_time("1970-01-02"), -1);
	ck_assert_int_eq(run_id_time(".gone-12"), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("retention");
	TCase *test = tcase_create("retention");

	tcase_add_test(test, without_a_rule_nothing_goes);
	tcase_add_test(test, a_chain_stays_below_what_is_kept);
	tcase_add_test(test, a_chain_goes_from_its_top);
	tcase_add_test(test, the_last_are_counted_by_their_last_head);
	tcase_add_test(test, a_time_is_counted_from_when_it_ended);
	tcase_add_test(test, a_clock_that_went_back_makes_nothing_older);
	tcase_add_test(test, a_clock_that_was_ahead_makes_nothing_younger);
	tcase_add_test(test, when_the_last_ended_is_not_known_while_its_clock_is_ahead);
	tcase_add_test(test, either_rule_keeps);
	tcase_add_test(test, pins_keep);
	tcase_add_test(test, unknown_pins_keep_all);
	tcase_add_test(test, clones_and_overlays_keep_but_not_the_trash);
	tcase_add_test(test, a_held_template_keeps_all);
	tcase_add_test(test, damage_keeps);
	tcase_add_test(test, what_was_pruned_is_no_question);
	tcase_add_test(test, the_second_look_sees_heads_and_pins);
	tcase_add_test(test, a_run_tells_its_time);
	suite_add_tcase(suite, test);
	return suite_run(suite);
}
