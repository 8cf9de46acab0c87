/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/file.h"
#include "record/bundle.h"
#include "record/record.h"
#include "record/timestamp.h"
#include "suite.h"

static char directory[] = "/tmp/record_test.XXXXXX";

static void setup(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void teardown(void)
{
	struct error err = {0};

	ck_assert_int_eq(directory_remove(directory, &err), 0);
}

START_TEST(base64_has_one_spelling_per_value)
{
	/* RFC 4648, section 10 */
	static const char *const pairs[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"\xff\xfe\xfb", "//77"},
	};
	static const char *const bad[] = {"Zg",	  "Zg=",   "Zh==",  "Zm9=",	"Zg== ", "Z===",
					  "====", "Zm 9v", "Zm9v=", "Zg==Zg==", "Zm9-",	 "=AAA"};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		CLEANUP_BUFFER struct buffer bytes = {0};
		CLEANUP_FREE char *text = base64_encode(pairs[i][0], strlen(pairs[i][0]));

		ck_assert_str_eq(text, pairs[i][1]);
		ck_assert(base64_decode(text, strlen(text), &bytes));
		ck_assert_uint_eq(bytes.len, strlen(pairs[i][0]));
		ck_assert(bytes.len == 0 || memcmp(bytes.data, pairs[i][0], bytes.len) == 0);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CLEANUP_BUFFER struct buffer bytes = {0};

		ck_assert_msg(!base64_decode(bad[i], strlen(bad[i]), &bytes), "%s", bad[i]);
		ck_assert_uint_eq(bytes.len, 0);
	}
}
END_TEST

START_TEST(timestamps_are_utc_to_the_second)
{
	static const char *const bad[] = {"2026-11-22T14:06:24",  "2026-11-22T14:06:24+01:00",
					  "2026-11-22 14:06:24Z", "2026-02-30T00:00:00Z",
					  "2026-1-22T14:06:24Z",  "2026-11-22T14:06:24.5Z",
					  "1969-12-31T23:59:59Z", "2026-11-22T14:06:24Zx",
					  "2026-11-22T14:06:60Z", ""};
	char text[TIMESTAMP_SIZE];
	int64_t seconds;

	timestamp_format(1795356384, text);
	ck_assert_str_eq(text, "2026-11-22T14:06:24Z");
	ck_assert(timestamp_parse(text, &seconds));
	ck_assert_int_eq(seconds, 1795356384);
	timestamp_format(INT64_MAX, text);
	ck_assert_str_eq(text, "9999-12-31T23:59:59Z");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!timestamp_parse(bad[i], &seconds), "%s", bad[i]);
}
END_TEST

static json_t *json(const char *text)
{
	struct error err = {0};
	CLEANUP_FREE char *list = xasprintf("[%s]", text);
	CLEANUP_JSON json_t *parsed = json_parse(list, strlen(list), "test", ERROR_BUG, &err);

	ck_assert_msg(parsed != NULL, "%s", err.msg);
	return json_incref(json_array_get(parsed, 0));
}

static void add_subject(struct record *record, const char *name)
{
	struct record_subject *subject = ARRAY_ADD(record->subjects, record->n_subjects);

	subject->name = xstrdup(name);
	digest_of(name, strlen(name), &subject->digest);
}

static struct record_dependency *add_dependency(struct record *record, const char *name)
{
	struct record_dependency *one = ARRAY_ADD(record->dependencies, record->n_dependencies);

	one->name = xstrdup(name);
	digest_of(name, strlen(name), &one->digest);
	return one;
}

static struct record *example(void)
{
	struct record *record = xcalloc(1, sizeof *record);
	struct record_dependency *package;
	struct record_byproduct *plan;

	add_subject(record, "overlay.qcow2");
	add_subject(record, "overlay.qcow2#content");
	record->external_parameters = json("{\"image\":\"base.qcow2\",\"actor\":\"a\"}");
	record->internal_parameters = json("{\"executor\":\"sandbox\",\"network\":\"none\"}");
	add_dependency(record, "parent");
	package = add_dependency(record, "package");
	package->uri = xstrdup("pkg:deb/debian/openssl@3.0.15-1~deb12u1?arch=amd64");
	package->annotations = json("{\"from\":\"3.0.14\"}");
	plan = ARRAY_ADD(record->byproducts, record->n_byproducts);
	plan->name = xstrdup("plan");
	digest_of("plan", 4, &plan->digest);
	record->builder = record_builder("sandbox", "none");
	record->run_id = xstrdup("run-1");
	record->started = 1795356000;
	record->finished = 1795356384;
	return record;
}

START_TEST(statement_goes_both_ways)
{
	CLEANUP(record_free)
	struct record *record = example();
	CLEANUP(record_free)
	struct record *again = NULL;
	CLEANUP_JSON json_t *statement = record_to_json(record);
	CLEANUP_JSON json_t *second = NULL;
	CLEANUP_FREE char *first_bytes = json_to_bytes(statement);
	CLEANUP_FREE char *second_bytes = NULL;
	struct error err = {0};

	again = record_from_json(statement, &err);
	ck_assert_msg(again != NULL, "%s", err.msg);
	second = record_to_json(again);
	second_bytes = json_to_bytes(second);
	ck_assert_str_eq(first_bytes, second_bytes);
	ck_assert_str_eq(again->builder, "urn:coldpatch:builder:sandbox:v1");
	ck_assert_str_eq(record_overlay(again, 0)->name, "overlay.qcow2");
	ck_assert_ptr_null(record_overlay(again, 1));
	ck_assert_ptr_nonnull(record_dependency_named(again, "parent", 0));
	ck_assert_ptr_null(record_dependency_named(again, "parent", 1));
}
END_TEST

START_TEST(builder_differs_by_accelerator)
{
	CLEANUP_FREE char *kvm = record_builder("appliance", "kvm");
	CLEANUP_FREE char *tcg = record_builder("appliance", "tcg");

	ck_assert_str_eq(kvm, "urn:coldpatch:builder:appliance-kvm:v1");
	ck_assert_str_eq(tcg, "urn:coldpatch:builder:appliance-tcg:v1");
}
END_TEST

START_TEST(extensions_are_ignored)
{
	CLEANUP(record_free)
	struct record *record = example();
	CLEANUP(record_free)
	struct record *again = NULL;
	CLEANUP_JSON json_t *statement = record_to_json(record);
	struct error err = {0};

	json_put_string(statement, "vendor_extension", "x");
	json_put_string(json_object_get(statement, "predicate"), "vendor_extension", "x");
	again = record_from_json(statement, &err);
	ck_assert_msg(again != NULL, "%s", err.msg);
}
END_TEST

/* A member replaced by a JSON value, and what is said about it. */
static const struct damage {
	const char *path[4];
	const char *value; /* NULL: removed */
	const char *message;
} damages[] = {
	{{"_type"},
	 "\"https://in-toto.io/Statement/v2\"",
	 "_type is 'https://in-toto.io/Statement/v2', not https://in-toto.io/Statement/v1"},
	{{"predicateType"}, "\"https://in-toto.io/attestation/vulns/v0.2\"", "predicateType is"},
	{{"subject"}, "{}", "member subject"},
	{{"subject"}, "[]", "no overlay among its subjects"},
	{{"subject"}, "[{\"name\":\"a\",\"digest\":{\"sha1\":\"00\"}}]", "sha256"},
	{{"subject"}, "[{\"digest\":{}}]", "name"},
	{{"subject"}, "[1]", "name"},
	{{"subject"},
	 "[{\"name\":\"a\",\"digest\":{\"sha256\":"
	 "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"sha512\":\"00\"}}"
	 "]",
	 "member sha512 is not a digest"},
	{{"predicate"}, NULL, "member predicate"},
	{{"predicate", "buildDefinition", "buildType"},
	 "\"urn:x\"",
	 "buildType is 'urn:x', not one of coldpatch's"},
	{{"predicate", "buildDefinition", "externalParameters"}, NULL, "externalParameters"},
	{{"predicate", "buildDefinition", "resolvedDependencies"},
	 "[{\"name\":\"parent\"}]",
	 "digest"},
	{{"predicate", "runDetails", "builder"},
	 "{\"id\":\"urn:other\"}",
	 "builder 'urn:other' is none of coldpatch"},
	{{"predicate", "runDetails", "metadata"},
	 "{\"invocationId\":\"r\",\"startedOn\":\"yesterday\"}",
	 "startedOn 'yesterday' is not a time in UTC"},
	{{"predicate", "runDetails", "metadata"}, "{}", "invocationId"},
	{{"predicate", "runDetails", "byproducts"}, "[{}]", "name"},
};

START_TEST(damaged_statement_is_refused)
{
	const struct damage *damage = &damages[_i];
	CLEANUP(record_free)
	struct record *record = example();
	CLEANUP_JSON json_t *statement = record_to_json(record);
	json_t *at = statement;
	size_t last = 0;
	struct error err = {0};

	while (last < 3 && damage->path[last + 1])
		at = json_object_get(at, damage->path[last++]);
	json_object_del(at, damage->path[last]);
	if (damage->value)
		json_put(at, damage->path[last], json(damage->value));
	ck_assert_ptr_null(record_from_json(statement, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, damage->message) != NULL, "%s", err.msg);
}
END_TEST

START_TEST(too_many_subjects_are_refused)
{
	CLEANUP(record_free)
	struct record *record = example();
	CLEANUP_JSON json_t *statement = NULL;
	struct error err = {0};

	for (int i = 0; i < 1100; i++)
		add_subject(record, "x");
	statement = record_to_json(record);
	ck_assert_ptr_null(record_from_json(statement, &err));
	ck_assert_ptr_nonnull(strstr(err.msg, "subject has more than 1024 members"));
}
END_TEST

/* The record of example(), signed without the signer. */
static char *write_bundle(struct buffer *ret_bytes)
{
	CLEANUP_FREE char *secret = path_join(directory, "a.key");
	CLEANUP(record_free)
	struct record *record = example();
	CLEANUP_JSON json_t *statement = record_to_json(record);
	CLEANUP_FREE char *payload = json_to_bytes(statement);
	char *path = path_join(directory, "r.sigstore.json");
	struct error err = {0};

	ck_assert_int_eq(key_generate(directory, "a", NULL, &err), 0);
	{
		CLEANUP(key_free)
		struct key *key = key_open_private(secret, &err);

		ck_assert_int_eq(bundle_make(key, payload, strlen(payload), ret_bytes, &err), 0);
	}
	ck_assert_int_eq(file_replace(path, ret_bytes->data, ret_bytes->len, 0644, &err), 0);
	return path;
}

static struct record *read_with(const char *path, const char *key, struct digest *ret_digest,
				struct error *err)
{
	CLEANUP(record_keys_free)
	struct record_keys *keys = record_keys_open(&key, 1, err);

	ck_assert_msg(keys != NULL, "%s", err->msg);
	return record_read(path, keys, ret_digest, err);
}

START_TEST(bundle_is_read_with_its_key)
{
	CLEANUP_BUFFER struct buffer bytes = {0};
	CLEANUP_FREE char *path = write_bundle(&bytes);
	CLEANUP_FREE char *other = path_join(directory, "b.pub");
	CLEANUP_FREE char *missing = path_join(directory, "none");
	CLEANUP(record_free)
	struct record *record = NULL;
	struct digest digest, expected;
	struct error err = {0};

	ck_assert_int_eq(key_generate(directory, "b", NULL, &err), 0);
	record = read_with(path, directory, &digest, &err);
	ck_assert_msg(record != NULL, "%s", err.msg);
	digest_of(bytes.data, bytes.len, &expected);
	ck_assert(digest_equal(&digest, &expected));
	ck_assert_ptr_null(read_with(path, other, NULL, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "which is none of the 1 known public keys"));
	ck_assert_ptr_null(read_with(missing, directory, NULL, &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
}
END_TEST

START_TEST(every_flipped_byte_is_noticed)
{
	CLEANUP_BUFFER struct buffer bytes = {0};
	CLEANUP_FREE char *path = write_bundle(&bytes);
	CLEANUP_FREE char *public = path_join(directory, "a.pub");
	struct error err = {0};

	{
		CLEANUP(record_keys_free)
		struct record_keys *keys = record_keys_open((const char *[]){public}, 1, &err);
		const char *key_id;

		for (size_t i = 0; i < bytes.len; i++) {
			CLEANUP_BUFFER struct buffer payload = {0};

			err = (struct error){0};
			bytes.data[i] ^= 1 << i % 7;
			ck_assert_msg(bundle_open(&bytes, path, keys, &payload, &key_id, &err) < 0,
				      "byte %zu", i);
			ck_assert_int_eq(err.kind, ERROR_TRUST);
			ck_assert_ptr_nonnull(strstr(err.msg, path));
			bytes.data[i] ^= 1 << i % 7;
		}
	}
}
END_TEST

static void refuse_bundle(const char *from, const char *to, const char *message)
{
	CLEANUP_BUFFER struct buffer bytes = {0};
	CLEANUP_BUFFER struct buffer changed = {0};
	CLEANUP_FREE char *path = write_bundle(&bytes);
	char *at = strstr(bytes.data, from);
	struct error err = {0};

	ck_assert_ptr_nonnull(at);
	buffer_append(&changed, bytes.data, (size_t)(at - bytes.data));
	buffer_puts(&changed, to);
	buffer_puts(&changed, at + strlen(from));
	ck_assert_int_eq(file_replace(path, changed.data, changed.len, 0644, &err), 0);
	ck_assert_ptr_null(read_with(path, directory, NULL, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, message) != NULL, "%s", err.msg);
}

START_TEST(bundle_has_one_form)
{
	static const char *const changes[][3] = {
		{"bundle.v0.3", "bundle.v0.2", "changed outside of what is signed"},
		{"\"tlogEntries\":[]", "\"tlogEntries\":[1]", "changed outside of what is signed"},
		{"{\"dsseEnvelope\"", "{ \"dsseEnvelope\"", "changed outside of what is signed"},
		{"\"sig\":\"", "\"sig\":\" ", "sig is not base64"},
		{"\"payload\":\"", "\"payload\":\"-", "payload is not base64"},
		{"\"payload\":\"eyJ", "\"payload\":\"eyK", "the signature is not valid"},
		{"\"signatures\":[", "\"signatures\":[{},", "has 2 signatures instead of one"},
		{"\"sig\":", "\"gis\":", "member sig"},
	};

	refuse_bundle(changes[_i][0], changes[_i][1], changes[_i][2]);
}
END_TEST

/* Signed by the right key, and yet nothing of ours. */
START_TEST(foreign_statement_is_refused)
{
	static const char text[] = "{\"_type\":\"https://in-toto.io/Statement/v0.1\"}";
	CLEANUP_BUFFER struct buffer bytes = {0};
	CLEANUP_BUFFER struct buffer foreign = {0};
	CLEANUP_FREE char *path = write_bundle(&bytes);
	CLEANUP_FREE char *secret = path_join(directory, "a.key");
	struct error err = {0};

	{
		CLEANUP(key_free)
		struct key *key = key_open_private(secret, &err);

		ck_assert_int_eq(bundle_make(key, text, strlen(text), &foreign, &err), 0);
	}
	ck_assert_int_eq(file_replace(path, foreign.data, foreign.len, 0644, &err), 0);
	ck_assert_ptr_null(read_with(path, directory, NULL, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "r.sigstore.json: statement: _type is"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *tcase = tcase_create("record");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, base64_has_one_spelling_per_value);
	tcase_add_test(tcase, timestamps_are_utc_to_the_second);
	tcase_add_test(tcase, statement_goes_both_ways);
	tcase_add_test(tcase, builder_differs_by_accelerator);
	tcase_add_test(tcase, extensions_are_ignored);
	tcase_add_loop_test(tcase, damaged_statement_is_refused, 0,
			    sizeof damages / sizeof *damages);
	tcase_add_test(tcase, too_many_subjects_are_refused);
	tcase_add_test(tcase, bundle_is_read_with_its_key);
	tcase_add_test(tcase, every_flipped_byte_is_noticed);
	tcase_add_loop_test(tcase, bundle_has_one_form, 0, 8);
	tcase_add_test(tcase, foreign_statement_is_refused);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
