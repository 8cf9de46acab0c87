/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heads and records whose key is unknown, was retired or was revoked. */
#include <sys/stat.h>
#include <time.h>

#include "head_fixture.h"
#include "suite.h"

static void write_end(const char *name, const char *text)
{
	CLEANUP_FREE char *path = in_directory(name);
	struct error err = {0};

	ck_assert_int_eq(file_replace(path, text, strlen(text), 0644, &err), 0);
}

static void write_revocation(const char *text)
{
	write_end("a.revoked", text);
}

START_TEST(revoked_key_is_good_up_to_a_head)
{
	CLEANUP(head_free)
	struct head *head = first_head();
	CLEANUP_JSON json_t *statement = head_to_json(head);
	CLEANUP_FREE char *path = in_directory("1");
	CLEANUP_FREE char *id = key_id_of("a.pub");
	CLEANUP_FREE char *text = NULL;
	char hex[DIGEST_HEX_SIZE];
	struct digest digest, good;
	struct error err = {0};
	uint64_t number;

	write_signed(statement, "a.key", path);
	ck_assert_int_eq(digest_of_file(path, &digest, &err), 0);
	digest_to_hex(&digest, hex);
	{
		CLEANUP(record_keys_free)
		struct record_keys *keys = open_keys();
		CLEANUP(head_free)
		struct head *read = head_read(path, keys, &good, &err);

		ck_assert_msg(read != NULL, "%s", err.msg);
		ck_assert(digest_equal(&good, &digest));
		ck_assert_str_eq(read->key_id, id);
		ck_assert(!record_keys_is_revoked(keys, id));
		ck_assert(!record_keys_good_head(keys, id, "web", &number, &good));
	}
	write_revocation("{\"revoked\":1795356384,\"good\":{}}");
	{
		CLEANUP(record_keys_free)
		struct record_keys *keys = open_keys();

		ck_assert_ptr_null(head_read(path, keys, NULL, &err));
		ck_assert_int_eq(err.kind, ERROR_TRUST);
		ck_assert_ptr_nonnull(strstr(err.msg, "which is revoked"));
	}
	text = xasprintf(
		"{\"revoked\":1795356384,\"good\":{\"web\":{\"head\":1,\"digest\":\"%s\"}}}", hex);
	write_revocation(text);
	{
		CLEANUP(record_keys_free)
		struct record_keys *keys = open_keys();
		CLEANUP(head_free)
		struct head *read = head_read(path, keys, NULL, &err);

		ck_assert_msg(read != NULL, "%s", err.msg);
		ck_assert(record_keys_good_head(keys, id, "web", &number, &good));
		ck_assert(number == 1 && digest_equal(&good, &digest));
	}
}
END_TEST

START_TEST(revoked_key_is_good_for_a_named_record)
{
	struct digest digest, other;
	CLEANUP_FREE char *path = write_record("r", RECORD_PATCH, "web", &digest);
	CLEANUP_FREE char *unlike = write_record("s", RECORD_IMPORT, "web", &other);
	CLEANUP(record_free)
	struct record *record = NULL;
	CLEANUP(record_keys_free)
	struct record_keys *keys = NULL;
	struct error err = {0};

	write_revocation("{\"revoked\":1795356384,\"good\":{}}");
	keys = open_keys();
	ck_assert_ptr_null(record_read(path, keys, NULL, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(
		strstr(err.msg, "is revoked, and no head from before vouches for it"));
	record = record_read_named(path, keys, &digest, &err);
	ck_assert_msg(record != NULL, "%s", err.msg);
	ck_assert_ptr_null(record_read_named(unlike, keys, &digest, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "not the record with sha256"));
}
END_TEST

/* What no head vouches for is judged by its time. */
START_TEST(retired_key_is_good_for_what_is_older)
{
	struct digest digest;
	CLEANUP_FREE char *path = write_record("r", RECORD_PATCH, "web", &digest);
	CLEANUP(head_free)
	struct head *head = first_head();
	CLEANUP_JSON json_t *statement = NULL;
	CLEANUP_FREE char *head_path = in_directory("1");
	CLEANUP_FREE char *text = xasprintf("{\"retired\":%d}", 1000 + _i);
	CLEANUP(record_keys_free)
	struct record_keys *keys = NULL;
	CLEANUP(record_free)
	struct record *record = NULL;
	CLEANUP(head_free)
	struct head *read = NULL;
	struct error err = {0};

	head->time = 1001;
	statement = head_to_json(head);
	write_signed(statement, "a.key", head_path);
	write_end("a.retired", text);
	keys = open_keys();
	record = record_read(path, keys, NULL, &err);
	ck_assert_msg(record != NULL, "%s", err.msg);
	read = head_read(head_path, keys, NULL, &err);
	ck_assert((read != NULL) == (_i == 1));
	ck_assert(read || strstr(err.msg, "after that key was retired"));
	ck_assert(read || err.kind == ERROR_TRUST);
}
END_TEST

START_TEST(key_that_ended_does_not_sign)
{
	CLEANUP_FREE char *secret = in_directory("a.key");
	struct error err = {0};

	ck_assert_int_eq(key_check_signs(secret, &err), 0);
	write_end("a.retired", "{\"retired\":1}");
	ck_assert_int_lt(key_check_signs(secret, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_DENIED);
	ck_assert_ptr_nonnull(strstr(err.msg, "is retired and signs no more"));
	write_end("a.revoked", "");
	ck_assert_int_lt(key_check_signs(secret, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "is revoked and signs no more"));
}
END_TEST

START_TEST(bad_revocation_is_no_missing_one)
{
	static const char *const bad[][2] = {
		{"", "line 1"},
		{"{}", "member revoked"},
		{"{\"revoked\":1}", "member good"},
		{"{\"revoked\":1,\"good\":{\"web\":{\"head\":1}}}", "member digest"},
	};
	const char *paths[] = {directory};
	struct error err = {0};

	write_revocation(bad[_i][0]);
	ck_assert_ptr_null(record_keys_open(paths, 1, &err));
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_msg(strstr(err.msg, bad[_i][1]) && strstr(err.msg, "a.revoked"), "%s", err.msg);
}
END_TEST

START_TEST(unknown_key_and_flipped_bytes_are_noticed)
{
	CLEANUP(head_free)
	struct head *head = first_head();
	CLEANUP_JSON json_t *statement = head_to_json(head);
	CLEANUP_FREE char *path = in_directory("1");
	CLEANUP_FREE char *public = in_directory("a.pub");
	CLEANUP_FREE char *other = in_directory("b.pub");
	CLEANUP_BUFFER struct buffer bytes = {0};
	struct error err = {0};

	write_signed(statement, "a.key", path);
	ck_assert_int_eq(file_read(path, HEAD_MAX_SIZE, &bytes, &err), 0);
	{
		CLEANUP(record_keys_free)
		struct record_keys *keys = record_keys_open((const char *[]){public}, 1, &err);

		for (size_t i = 0; i < bytes.len; i += 7) {
			bytes.data[i] ^= 1;
			ck_assert_ptr_null(head_open(&bytes, path, keys, &err));
			ck_assert_int_eq(err.kind, ERROR_TRUST);
			bytes.data[i] ^= 1;
		}
	}
	ck_assert_int_eq(key_generate(directory, "b", NULL, &err), 0);
	{
		CLEANUP(record_keys_free)
		struct record_keys *keys = record_keys_open((const char *[]){other}, 1, &err);
		CLEANUP(head_free)
		struct head *claimed = NULL;

		ck_assert_ptr_null(head_open(&bytes, path, keys, &err));
		ck_assert_ptr_nonnull(strstr(err.msg, "which is none of the 1 known public keys"));
		claimed = head_peek(&bytes, path, &err);
		ck_assert_msg(claimed != NULL, "%s", err.msg);
		ck_assert_str_eq(claimed->template_name, "web");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keys of heads");
	TCase *tcase = tcase_create("keys of heads");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, revoked_key_is_good_up_to_a_head);
	tcase_add_test(tcase, revoked_key_is_good_for_a_named_record);
	tcase_add_loop_test(tcase, retired_key_is_good_for_what_is_older, 0, 2);
	tcase_add_test(tcase, key_that_ended_does_not_sign);
	tcase_add_loop_test(tcase, bad_revocation_is_no_missing_one, 0, 4);
	tcase_add_test(tcase, unknown_key_and_flipped_bytes_are_noticed);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
