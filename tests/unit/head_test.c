/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heads and keys, with real keys, and with the signer that lies beside the test programs. */
#include <check.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/checksum.h"
#include "base/file.h"
#include "record/bundle.h"
#include "record/head.h"
#include "suite.h"

static char directory[] = "/tmp/head_test.XXXXXX";

static char *in_directory(const char *name)
{
	return path_join(directory, name);
}

static void setup(void)
{
	struct error err = {0};

	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(key_generate(directory, "a", NULL, &err), 0);
}

static void teardown(void)
{
	struct error err = {0};

	ck_assert_int_eq(directory_remove(directory, &err), 0);
}

static struct record_keys *open_keys(void)
{
	const char *paths[] = {directory};
	struct error err = {0};
	struct record_keys *keys = record_keys_open(paths, 1, &err);

	ck_assert_msg(keys != NULL, "%s", err.msg);
	return keys;
}

static char *key_id_of(const char *name)
{
	CLEANUP_FREE char *path = in_directory(name);
	struct error err = {0};

	return key_id(path, &err);
}

/* Signed by hand. */
static void write_signed(const json_t *statement, const char *key_name, const char *path)
{
	CLEANUP_FREE char *secret = in_directory(key_name);
	CLEANUP_FREE char *payload = json_to_bytes(statement);
	CLEANUP_BUFFER struct buffer bytes = {0};
	struct error err = {0};
	CLEANUP(key_free)
	struct key *key = key_open_private(secret, &err);

	ck_assert_msg(key != NULL, "%s", err.msg);
	ck_assert_int_eq(bundle_make(key, payload, strlen(payload), &bytes, &err), 0);
	ck_assert_int_eq(file_replace(path, bytes.data, bytes.len, 0644, &err), 0);
}

static struct record *example_record(enum record_build_type type, const char *template_name)
{
	struct record *record = xcalloc(1, sizeof *record);
	struct record_subject *subject = ARRAY_ADD(record->subjects, record->n_subjects);
	struct record_dependency *parent = ARRAY_ADD(record->dependencies, record->n_dependencies);

	record->build_type = type;
	subject->name = xstrdup("disk0.qcow2");
	digest_of("disk", 4, &subject->digest);
	parent->name = xstrdup("parent");
	digest_of("base", 4, &parent->digest);
	record->external_parameters = json_object();
	if (template_name)
		json_put_string(record->external_parameters, "template", template_name);
	record->internal_parameters = json_object();
	record->builder = record_builder("sandbox", "none");
	record->run_id = xstrdup("run-1");
	return record;
}

/* A record's file, and its digest. */
static char *write_record(const char *name, enum record_build_type type, const char *template_name,
			  struct digest *ret)
{
	CLEANUP(record_free)
	struct record *record = example_record(type, template_name);
	CLEANUP_JSON json_t *statement = record_to_json(record);
	char *path = in_directory(name);
	struct error err = {0};

	write_signed(statement, "a.key", path);
	ck_assert_int_eq(digest_of_file(path, ret, &err), 0);
	return path;
}

static struct head *example(void)
{
	struct head *head = xcalloc(1, sizeof *head);

	head->kind = HEAD_ROLLBACK;
	head->template_name = xstrdup("web");
	head->number = 3;
	head->generation = 1;
	digest_of("record", 6, &head->record);
	head->has_previous = true;
	digest_of("previous", 8, &head->previous);
	head->run = xstrdup("run-1");
	head->actor = xstrdup("anna");
	head->reason = xstrdup("slow\xff");
	head->time = 1795356384;
	head->until = 1797948384;
	head->has_undone = true;
	digest_of("plan", 4, &head->undone_plan);
	return head;
}

static struct head *first_head(void)
{
	struct head *head = xcalloc(1, sizeof *head);

	head->kind = HEAD_IMPORT;
	head->template_name = xstrdup("web");
	head->number = 1;
	head->run = xstrdup("run-1");
	return head;
}

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

static char *signer_path(void)
{
	char own[PATH_MAX] = "";

	ck_assert_int_gt(readlink("/proc/self/exe", own, sizeof own - 1), 0);
	return xasprintf("%s/../coldpatch-sign", dirname(own));
}

struct asking {
	struct head *head;
	char *record, *previous;
};

static int sign(const struct asking *asking, const char *name, struct error *err)
{
	CLEANUP_FREE char *signer = signer_path();
	CLEANUP_FREE char *key = in_directory("a.key");
	CLEANUP_FREE char *path = in_directory(name);
	struct head_sign_request request = {.signer = signer,
					    .key_path = key,
					    .record_path = asking->record,
					    .previous_path = asking->previous};

	return head_sign(asking->head, &request, path, err);
}

START_TEST(signer_signs_what_it_has_seen)
{
	CLEANUP(head_free)
	struct head *first = first_head();
	CLEANUP(head_free)
	struct head *second = first_head();
	CLEANUP_FREE char *import = write_record("i", RECORD_IMPORT, "web", &first->record);
	CLEANUP_FREE char *patch = write_record("p", RECORD_PATCH, "web", &second->record);
	CLEANUP_FREE char *path = in_directory("1");
	CLEANUP_FREE char *second_path = in_directory("2");
	CLEANUP(record_keys_free)
	struct record_keys *keys = open_keys();
	CLEANUP(head_free)
	struct head *read = NULL;
	struct asking asking = {first, import, NULL};
	struct error err = {0};
	struct stat st;

	ck_assert_msg(sign(&asking, "1", &err) == 0, "%s", err.msg);
	second->kind = HEAD_COMMIT;
	second->number = 2;
	second->generation = 1;
	second->has_previous = true;
	ck_assert_int_eq(digest_of_file(path, &second->previous, &err), 0);
	asking = (struct asking){second, patch, path};
	ck_assert_msg(sign(&asking, "2", &err) == 0, "%s", err.msg);
	read = head_read(second_path, keys, NULL, &err);
	ck_assert_msg(read != NULL, "%s", err.msg);
	ck_assert(llabs((long long)read->time - (long long)time(NULL)) < 3600);
	ck_assert_uint_eq(read->caller_uid, getuid());
	ck_assert(stat(second_path, &st) == 0 && (st.st_mode & 0777) == 0444);
	ck_assert_int_lt(sign(&asking, "2", &err), 0);
	ck_assert_int_eq(err.kind, ERROR_IO);
	ck_assert_ptr_nonnull(strstr(err.msg, "File exists"));
}
END_TEST

static void refused(const struct asking *asking, const char *message)
{
	CLEANUP_FREE char *path = in_directory("refused");
	struct error err = {0};
	struct stat st;

	ck_assert_int_lt(sign(asking, "refused", &err), 0);
	ck_assert_msg(strstr(err.msg, message) != NULL, "%s", err.msg);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_int_lt(lstat(path, &st), 0);
}

START_TEST(signer_is_no_oracle)
{
	CLEANUP(head_free)
	struct head *first = first_head();
	CLEANUP(head_free)
	struct head *second = first_head();
	struct digest foreign_digest, loose_digest, export_digest;
	CLEANUP_FREE char *import = write_record("i", RECORD_IMPORT, "web", &first->record);
	CLEANUP_FREE char *patch = write_record("p", RECORD_PATCH, "web", &second->record);
	CLEANUP_FREE char *foreign = write_record("f", RECORD_IMPORT, "db", &foreign_digest);
	CLEANUP_FREE char *loose = write_record("l", RECORD_IMPORT, NULL, &loose_digest);
	CLEANUP_FREE char *exported = write_record("e", RECORD_EXPORT, "web", &export_digest);
	CLEANUP_FREE char *path = in_directory("1");
	struct asking asking = {first, patch, NULL};
	struct error err = {0};

	refused(&asking, "the head says");
	first->record = second->record;
	refused(&asking, "is of urn:coldpatch:offline-patch:v1, the head of kind import");
	first->record = export_digest;
	asking.record = exported;
	refused(&asking, "is of urn:coldpatch:export:v1");
	first->record = foreign_digest;
	asking.record = foreign;
	refused(&asking, "is of template db, the head of web");
	first->record = loose_digest;
	asking.record = loose;
	refused(&asking, "is of template (none), the head of web");
	ck_assert_int_eq(digest_of_file(import, &first->record, &err), 0);
	asking.record = import;
	asking.previous = import;
	refused(&asking, "the head names no head before it, the request one");
	asking.previous = NULL;
	ck_assert_msg(sign(&asking, "1", &err) == 0, "%s", err.msg);

	second->kind = HEAD_COMMIT;
	second->number = 3;
	second->generation = 1;
	second->has_previous = true;
	asking = (struct asking){second, patch, path};
	refused(&asking, "previous head");
	ck_assert_int_eq(digest_of_file(path, &second->previous, &err), 0);
	refused(&asking, "head 3: the head before it is number 1");
	second->previous = second->record;
	asking.previous = patch;
	refused(&asking, "previous head");
}
END_TEST

/* An exported file, with a sha512 that may be another file's. */
static int sign_export(const char *sha512_of, struct error *err)
{
	CLEANUP_FREE char *exported = in_directory("exported.raw");
	CLEANUP_FREE char *other = in_directory(sha512_of);
	CLEANUP_FREE char *signer = signer_path();
	CLEANUP_FREE char *key = in_directory("a.key");
	CLEANUP_FREE char *path = in_directory("export.sigstore.json");
	CLEANUP(record_free)
	struct record *record = example_record(RECORD_EXPORT, "web");
	CLEANUP_FREE char *generation =
		write_record("g", RECORD_PATCH, "web", &record->dependencies[0].digest);
	struct sign_request request = {.signer = signer,
				       .key_path = key,
				       .overlay_paths = (const char *[]){exported},
				       .n_overlays = 1,
				       .parent_paths = (const char *[]){generation},
				       .n_parents = 1};
	struct checksum sha512;

	ck_assert_int_eq(file_replace(exported, "disk", 4, 0644, err), 0);
	{
		CLEANUP_CLOSE int fd = file_open(other, "a file", ERROR_IO, err);

		ck_assert_int_eq(checksum_of_fd(fd, CHECKSUM_SHA512, NULL, &sha512, err), 0);
	}
	record->subjects[0].sha512 = xstrdup(sha512.hex);
	free(record->dependencies[0].name);
	record->dependencies[0].name = xstrdup("generation-record");
	return record_sign(record, &request, path, err);
}

START_TEST(signer_digests_what_was_exported)
{
	CLEANUP_FREE char *path = in_directory("export.sigstore.json");
	CLEANUP(record_keys_free)
	struct record_keys *keys = open_keys();
	CLEANUP(record_free)
	struct record *record = NULL;
	struct error err = {0};

	ck_assert_int_lt(sign_export("a.pub", &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, "exported.raw: its sha512 is") != NULL, "%s", err.msg);
	ck_assert_msg(sign_export("exported.raw", &err) == 0, "%s", err.msg);
	record = record_read(path, keys, NULL, &err);
	ck_assert_msg(record != NULL, "%s", err.msg);
	ck_assert_int_eq(record->build_type, RECORD_EXPORT);
	ck_assert_uint_eq(strlen(record->subjects[0].sha512), 128);
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
	tcase_add_test(tcase, revoked_key_is_good_up_to_a_head);
	tcase_add_test(tcase, revoked_key_is_good_for_a_named_record);
	tcase_add_loop_test(tcase, retired_key_is_good_for_what_is_older, 0, 2);
	tcase_add_test(tcase, key_that_ended_does_not_sign);
	tcase_add_loop_test(tcase, bad_revocation_is_no_missing_one, 0, 4);
	tcase_add_test(tcase, unknown_key_and_flipped_bytes_are_noticed);
	tcase_add_test(tcase, signer_signs_what_it_has_seen);
	tcase_add_test(tcase, signer_is_no_oracle);
	tcase_add_test(tcase, signer_digests_what_was_exported);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
