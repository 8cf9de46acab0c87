/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The heads of a template: what they may say, who may sign them, and who wins a number. */
#include <check.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "library_fixture.h"
#include "suite.h"

/* A message of the template's second head, after a change of its file or its neighbours. */
static void expect_problem(size_t head, const char *message)
{
	CLEANUP(template_free)
	struct template *template = load();

	ck_assert_uint_gt(template->n_heads, head);
	ck_assert_msg(template->heads[head].problem != NULL, "head %zu: no problem, not: %s", head,
		      message);
	ck_assert_msg(strstr(template->heads[head].problem, message) != NULL, "%s",
		      template->heads[head].problem);
}

START_TEST(forged_head)
{
	CLEANUP(key_free)
	struct key *other = NULL;
	CLEANUP(template_free)
	struct template *template = NULL;
	CLEANUP_FREE char *elsewhere = path_join(directory, "thief");
	CLEANUP_FREE char *secret = path_join(elsewhere, "b.key");
	struct head head;

	build_three();
	template = load();
	ck_assert_int_eq(key_generate(elsewhere, "b", NULL, &err), 0);
	other = key_open_private(secret, &err);
	head = next_head(template, HEAD_ROLLBACK, 0, &template->heads[0].head->record);
	replace_head(4, &head, other);
	expect_problem(3, "which is none of the 1 known public keys");
	template_free(template);
	template = load();
	ck_assert_ptr_nonnull(template->heads[3].claimed);
	ck_assert_ptr_null(template_find(template, -1, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(template_find(template, 2, &err));
}
END_TEST

START_TEST(edited_head)
{
	CLEANUP_FREE char *path = in_library("templates/web/heads/000002");
	CLEANUP_BUFFER struct buffer text = {0};

	build_three();
	ck_assert_int_eq(file_read(path, HEAD_MAX_SIZE, &text, &err), 0);
	text.data[text.len / 2] ^= 1;
	ck_assert_int_eq(file_replace(path, text.data, text.len, 0444, &err), 0);
	expect_problem(1, "000002");
	expect_problem(2, "was made to follow another head 2");
	put(path, "");
	expect_problem(1, "line 1");
}
END_TEST

START_TEST(reordered_heads)
{
	CLEANUP_FREE char *second = in_library("templates/web/heads/000002");
	CLEANUP_FREE char *third = in_library("templates/web/heads/000003");
	CLEANUP_FREE char *aside = in_library("aside");

	build_three();
	ck_assert(rename(second, aside) == 0 && rename(third, second) == 0 &&
		  rename(aside, third) == 0);
	expect_problem(1, "is head 3, put into this place");
	expect_problem(2, "is head 2, put into this place");
}
END_TEST

START_TEST(missing_and_foreign_heads)
{
	CLEANUP_FREE char *second = in_library("templates/web/heads/000002");
	CLEANUP_FREE char *third = in_library("templates/web/heads/000003");
	CLEANUP_FREE char *stray = in_library("templates/web/heads/3");
	CLEANUP(template_free)
	struct template *template = NULL;
	struct head head;
	char db[] = "db";

	build_three();
	unlink(second);
	expect_problem(1, "head 2, before it, is missing");
	template = load();
	head = next_head(template, HEAD_COMMIT, 1, &template->heads[0].head->record);
	head.template_name = db;
	replace_head(4, &head, key);
	expect_problem(2, "is a head of template db");
	unlink(third);
	put(stray, "x");
	template_free(template);
	template = load();
	ck_assert_uint_eq(template->n_problems, 1);
	ck_assert_ptr_nonnull(strstr(template->problems[0], "heads/3: is no head"));
}
END_TEST

START_TEST(hold_that_moves_and_record_that_differs)
{
	CLEANUP(template_free)
	struct template *template = NULL;
	struct digest other;
	struct head head;

	build_three();
	template = load();
	head = next_head(template, HEAD_HOLD, 1, &template->heads[1].head->record);
	replace_head(4, &head, key);
	expect_problem(3, "a hold that names another generation than head 3");
	digest_of("other", 5, &other);
	head = next_head(template, HEAD_ROLLBACK, 1, &other);
	replace_head(4, &head, key);
	expect_problem(3, "names another record of generation 1 than head 2");
}
END_TEST

START_TEST(current_is_only_a_view)
{
	CLEANUP_FREE char *current = in_library("templates/web/current");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	unlink(current);
	ck_assert_int_eq(symlink("/etc", current), 0);
	template = load();
	ck_assert_str_eq(template->current, "/etc");
	ck_assert_uint_eq(template_find(template, -1, &err)->number, 2);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	check_sound(3, 2);
	/* Whoever comes too late with an old head does no harm. */
	ck_assert_int_eq(current_mend(library, "web", 1, &err), 0);
	check_sound(3, 2);
	unlink(current);
	put(current, "x");
	ck_assert_int_lt(current_mend(library, "web", 2, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "current: is no link; move it out of the way"));
}
END_TEST

START_TEST(holds_begin_and_end)
{
	CLEANUP(template_free)
	struct template *template = NULL;
	const struct digest *record;
	struct digest plan;
	struct head head;

	build_three();
	digest_of("plan", 4, &plan);
	template = load();
	record = &template->heads[1].head->record;
	head = next_head(template, HEAD_ROLLBACK, 1, record);
	head.has_undone = true;
	head.undone_plan = plan;
	head.until = 2000;
	append(&head);
	template_free(template);
	template = load();
	ck_assert_ptr_null(template_hold(template, 1000));
	ck_assert(template_is_held_by_rollback(template, 3, 1999));
	ck_assert(!template_is_held_by_rollback(template, 3, 2000));
	ck_assert(!template_is_held_by_rollback(template, 2, 1999));
	record = &template->heads[1].head->record;
	head = next_head(template, HEAD_HOLD, 1, record);
	head.until = 3000;
	append(&head);
	template_free(template);
	template = load();
	ck_assert_uint_eq(template_hold(template, 2999)->number, 5);
	ck_assert_ptr_null(template_hold(template, 3000));
	record = &template->heads[1].head->record;
	head = next_head(template, HEAD_RELEASE, 1, record);
	append(&head);
	check_sound(6, 1);
	template_free(template);
	template = load();
	ck_assert_ptr_null(template_hold(template, 1000));
	ck_assert(template_is_held_by_rollback(template, 3, 1000));
}
END_TEST

static void append_kind(enum head_kind kind, uint64_t generation, int64_t until)
{
	CLEANUP(template_free)
	struct template *template = load();
	struct head head =
		next_head(template, kind, generation, &template->heads[generation].head->record);

	head.until = until;
	append(&head);
}

static void must_be_held(const char *held)
{
	CLEANUP(template_free)
	struct template *template = load();

	ck_assert_uint_eq(template->n_heads, strlen(held));
	for (size_t i = 0; i < template->n_heads; i++)
		ck_assert_msg(template_is_held_by_rollback(template, i, 1000) == (held[i] == 'x'),
			      "head %zu of %s", i + 1, held);
}

/* Of what each rollback undid, is it held against? */
START_TEST(what_ends_the_hold_of_a_rollback)
{
	CLEANUP(template_free)
	struct template *template = NULL;
	uint64_t undone = 0;

	build_three();
	append_kind(HEAD_ROLLBACK, 0, 5000);
	must_be_held("---x");
	append_kind(HEAD_HOLD, 0, 0);
	append_kind(HEAD_RELEASE, 0, 0); /* of the hold */
	must_be_held("---x--");
	append_kind(HEAD_ROLLBACK, 0, 4000); /* until another day */
	must_be_held("------x");
	template = load();
	ck_assert(template_undone(template, 6, &undone));
	ck_assert_uint_eq(undone, 2);
	ck_assert(!template_undone(template, 0, &undone));
	append_kind(HEAD_ROLLBACK, 1, 5000);
	append_kind(HEAD_ROLLBACK, 0, 5000); /* another one */
	must_be_held("------x-x");
	append_kind(HEAD_ROLLBACK, 2, 5000); /* what the first undid is back */
	must_be_held("--------xx");
	append_kind(HEAD_RELEASE, 2, 0);
	must_be_held("-----------");
}
END_TEST

static void revoke_up_to(uint64_t number)
{
	CLEANUP_FREE char *head = in_library("templates/web/heads/%06" PRIu64, number);
	CLEANUP_FREE char *path = path_join(directory, "a.revoked");
	CLEANUP_FREE char *text = NULL;
	const char *paths[] = {directory};
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;

	ck_assert_int_eq(digest_of_file(head, &digest, &err), 0);
	digest_to_hex(&digest, hex);
	text = xasprintf("{\"revoked\":1,\"good\":{\"web\":{\"head\":%" PRIu64
			 ",\"digest\":\"%s\"}}}",
			 number, hex);
	put(path, text);
	record_keys_free(keys);
	keys = record_keys_open(paths, 1, &err);
	ck_assert_ptr_nonnull(keys);
}

START_TEST(revoked_key_is_good_up_to_a_head)
{
	CLEANUP(template_free)
	struct template *template = NULL;
	struct head head;

	build_three();
	revoke_up_to(2);
	template = load();
	ck_assert_ptr_null(template->heads[0].problem);
	ck_assert_ptr_null(template->heads[1].problem);
	expect_problem(2, "which is revoked, and is not one of the heads that the revocation calls "
			  "good");
	/* Made anew by the thief, with another head 2. */
	head = next_head(NULL, HEAD_COMMIT, 1, &template->heads[1].head->record);
	head.number = 2;
	head.has_previous = true;
	head.previous = template->heads[0].digest;
	head.time = 5;
	replace_head(2, &head, key);
	expect_problem(0, "which is revoked");
	expect_problem(1, "which is revoked");
}
END_TEST

START_TEST(retired_key_is_good_up_to_a_head)
{
	CLEANUP_FREE char *revoked = path_join(directory, "a.revoked");
	CLEANUP_FREE char *retired = path_join(directory, "a.retired");
	const char *paths[] = {directory};
	CLEANUP_BUFFER struct buffer text = {0};
	char *word;

	build_three();
	revoke_up_to(2);
	ck_assert_int_eq(file_read(revoked, 4096, &text, &err), 0);
	buffer_append(&text, "", 1);
	word = strstr(text.data, "revoked");
	memcpy(word, "retired", strlen("retired"));
	ck_assert_int_eq(unlink(revoked), 0);
	put(retired, text.data);
	record_keys_free(keys);
	keys = record_keys_open(paths, 1, &err);
	ck_assert_ptr_nonnull(keys);
	expect_problem(2, "which is retired, and is not one of the heads that the retirement calls "
			  "good");
	ck_assert_ptr_null(record_keys_end(keys, "another"));
	/* Without heads, the time that the signer said. */
	put(retired, "{\"retired\":4000000000}");
	record_keys_free(keys);
	keys = record_keys_open(paths, 1, &err);
	{
		CLEANUP(template_free)
		struct template *template = load();

		ck_assert_ptr_null(template->heads[2].problem);
	}
}
END_TEST

enum { RACERS = 6, ROUNDS = 12 };

/* Two hosts, three processes each, all with a head of the same number. */
static int race(const struct template *template, int racer, int gate)
{
	const struct head *goal = template->heads[racer % 3].head;
	struct head head = next_head(template, HEAD_ROLLBACK, goal->generation, &goal->record);
	CLEANUP(library_free)
	struct library *own = open_as(racer % 2 ? "host-a" : "host-b");
	CLEANUP_FREE char *staged = NULL;
	char byte;

	head.time = racer;
	staged = stage_head(own, &head);
	if (read(gate, &byte, 1) != 0)
		return 99;
	if (heads_append(own, "web", head.number, staged, &err) < 0)
		return err.kind;
	return current_mend(own, "web", head.generation, &err) < 0 ? 98 : 0;
}

static pid_t start_racer(const struct template *template, int racer, int gate[2])
{
	pid_t pid = fork();

	if (pid == 0) {
		close(gate[1]);
		_exit(race(template, racer, gate[0]));
	}
	ck_assert_int_gt(pid, 0);
	return pid;
}

START_TEST(one_wins_each_number)
{
	build_three();
	for (size_t round = 0; round < ROUNDS; round++) {
		CLEANUP(template_free)
		struct template *template = load();
		pid_t pids[RACERS];
		int gate[2], won = 0;

		ck_assert_int_eq(pipe(gate), 0);
		for (int i = 0; i < RACERS; i++)
			pids[i] = start_racer(template, i, gate);
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < RACERS; i++) {
			int code = wait_for(pids[i]);

			ck_assert_msg(code == 0 || code == ERROR_BUSY, "exit code %d", code);
			won += code == 0;
		}
		ck_assert_int_eq(won, 1);
		template_free(template);
		template = load();
		check_sound(4 + round, template_last_head(template)->head->generation);
	}
	check_clean();
}
END_TEST

START_TEST(late_head_says_who_was_faster)
{
	CLEANUP(template_free)
	struct template *template = NULL;
	CLEANUP_FREE char *staged = NULL;
	CLEANUP_FREE char *far = NULL;
	struct head head;

	build_three();
	template = load();
	head = next_head(template, HEAD_ROLLBACK, 1, &template->heads[1].head->record);
	staged = stage_head(library, &head);
	ck_assert_int_lt(heads_append(library, "web", 3, staged, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_str_eq(err.msg, "web: somebody else was faster with head 3; try again");
	ck_assert(!is_there(staged));
	far = stage_head(library, &head);
	ck_assert_int_lt(heads_append(library, "web", 6, far, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_str_eq(err.msg, "web: head 5 is gone: nothing can follow it");
	check_clean();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("library heads");
	TCase *tcase = tcase_create("heads");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, forged_head);
	tcase_add_test(tcase, edited_head);
	tcase_add_test(tcase, reordered_heads);
	tcase_add_test(tcase, missing_and_foreign_heads);
	tcase_add_test(tcase, hold_that_moves_and_record_that_differs);
	tcase_add_test(tcase, current_is_only_a_view);
	tcase_add_test(tcase, holds_begin_and_end);
	tcase_add_test(tcase, what_ends_the_hold_of_a_rollback);
	tcase_add_test(tcase, revoked_key_is_good_up_to_a_head);
	tcase_add_test(tcase, retired_key_is_good_up_to_a_head);
	tcase_add_test(tcase, one_wins_each_number);
	tcase_add_test(tcase, late_head_says_who_was_faster);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
