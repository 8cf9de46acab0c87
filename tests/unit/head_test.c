/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heads: what they say, and that each follows the one before. */
#include "head_fixture.h"
#include "suite.h"

START_TEST(head_goes_both_ways)
{
	CLEANUP(head_free)
	struct head *head = example();
	CLEANUP_JSON json_t *statement = head_to_json(head);
	CLEANUP_FREE char *first = json_to_bytes(statement);
	CLEANUP_JSON json_t *again_json = NULL;
	CLEANUP_FREE char *second = NULL;
	CLEANUP(head_free)
	struct head *again = NULL;
	struct error err = {0};

	again = head_from_json(statement, &err);
	ck_assert_msg(again != NULL, "%s", err.msg);
	again_json = head_to_json(again);
	second = json_to_bytes(again_json);
	ck_assert_str_eq(first, second);
	ck_assert_str_eq(again->reason, "slow\xff");
	ck_assert_int_eq(again->kind, HEAD_ROLLBACK);
	ck_assert_int_eq(again->until, 1797948384);
	ck_assert(digest_equal(&again->undone_plan, &head->undone_plan));
}
END_TEST

static const struct damage {
	const char *path[3];
	const char *value; /* NULL: removed */
	const char *message;
} damages[] = {
	{{"_type"}, "\"x\"", "head: _type is 'x'"},
	{{"predicateType"}, "\"https://slsa.dev/provenance/v1\"", "head: predicateType is"},
	{{"subject"}, "[]", "head: has 0 subjects instead of one"},
	{{"subject"}, "[{\"name\":\"r\"}]", "digest"},
	{{"predicate", "kind"}, "\"prune\"", "head: kind 'prune' is none of a head"},
	{{"predicate", "template"}, NULL, "member template"},
	{{"predicate", "number"}, "0", "head: its number is 0"},
	{{"predicate", "number"}, "1", "head 1: is a rollback, not an import"},
	{{"predicate", "number"}, "-1", "member number"},
	{{"predicate", "kind"}, "\"commit\"", "head 3: a commit that undoes a plan"},
	{{"predicate", "previous"}, NULL, "head 3: names no head before it"},
	{{"predicate", "previous"}, "{\"sha256\":\"00\"}", "sha256"},
	{{"predicate", "time"}, "\"now\"", "time 'now' is not a time in UTC"},
	{{"predicate", "run"}, NULL, "member run"},
	{{"predicate", "callerUid"}, NULL, "member callerUid"},
};

START_TEST(damaged_head_is_refused)
{
	const struct damage *damage = &damages[_i];
	CLEANUP(head_free)
	struct head *head = example();
	CLEANUP_JSON json_t *statement = head_to_json(head);
	json_t *at = statement;
	size_t last = 0;
	struct error err = {0};

	while (damage->path[last + 1])
		at = json_object_get(at, damage->path[last++]);
	json_object_del(at, damage->path[last]);
	if (damage->value) {
		CLEANUP_FREE char *list = xasprintf("[%s]", damage->value);
		CLEANUP_JSON json_t *value =
			json_parse(list, strlen(list), "test", ERROR_BUG, &err);

		json_object_set(at, damage->path[last], json_array_get(value, 0));
	}
	ck_assert_ptr_null(head_from_json(statement, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, damage->message) != NULL, "%s", err.msg);
}
END_TEST

START_TEST(only_what_ends_has_an_end)
{
	CLEANUP(head_free)
	struct head *head = example();
	CLEANUP_JSON json_t *statement = NULL;
	struct error err = {0};

	head->kind = HEAD_RELEASE;
	head->has_undone = false;
	statement = head_to_json(head);
	ck_assert_ptr_null(head_from_json(statement, &err));
	ck_assert_str_eq(err.msg, "head 3: a release that ends");
}
END_TEST

START_TEST(head_follows_the_one_before)
{
	CLEANUP(head_free)
	struct head *head = example();
	CLEANUP(head_free)
	struct head *previous = example();
	struct error err = {0};

	previous->number = 2;
	ck_assert_int_eq(head_check_follows(head, previous, &head->previous, &err), 0);
	ck_assert_int_lt(head_check_follows(head, previous, &head->record, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_str_eq(err.msg, "head 3: it was made to follow another head 2");
	head->kind = HEAD_HOLD;
	ck_assert_int_eq(head_check_follows(head, previous, &head->previous, &err), 0);
	head->generation = 7;
	ck_assert_int_lt(head_check_follows(head, previous, &head->previous, &err), 0);
	ck_assert_str_eq(err.msg, "head 3: a hold that names another generation than head 2");
	previous->number = 1;
	ck_assert_int_lt(head_check_follows(head, previous, &head->previous, &err), 0);
	ck_assert_str_eq(err.msg, "head 3: the head before it is number 1");
	previous->template_name[0] = 'W';
	ck_assert_int_lt(head_check_follows(head, previous, &head->previous, &err), 0);
	ck_assert_str_eq(err.msg, "head 3: the head before it is of template Web, not web");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("head");
	TCase *tcase = tcase_create("head");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, head_goes_both_ways);
	tcase_add_loop_test(tcase, damaged_head_is_refused, 0, sizeof damages / sizeof *damages);
	tcase_add_test(tcase, only_what_ends_has_an_end);
	tcase_add_test(tcase, head_follows_the_one_before);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
