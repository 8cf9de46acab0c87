/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chain of three files with two records, and one byte changed in each of them in turn: what was
 * changed is named. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "record/bundle.h"
#include "record/record.h"
#include "record/verify.h"
#include "suite.h"

static char directory[] = "/tmp/verify_test.XXXXXX";
static char *base, *middle, *top, *middle_record, *top_record, *public_key;

static void qemu_img(const char *const *argv)
{
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct process_spec spec = {.argv = argv, .output_limit = 4096, .deadline_ms = 60000};
	struct error err = {0};

	ck_assert_msg(process_run_ok(&spec, ERROR_BUG, &result, &err) == 0, "%s", err.msg);
}

static void make_overlay(const char *path, const char *backing)
{
	qemu_img((const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F",
				  "qcow2", path, NULL});
}

static void add_dependency(struct record *record, const char *name, const char *path)
{
	struct record_dependency *one = ARRAY_ADD(record->dependencies, record->n_dependencies);
	struct error err = {0};

	one->name = xstrdup(name);
	ck_assert_int_eq(digest_of_file(path, &one->digest, &err), 0);
}

/* `parent` and `parent_record` may be NULL. */
static void write_record(const char *path, const char *overlay, const char *parent,
			 const char *parent_record)
{
	CLEANUP(record_free)
	struct record *record = xcalloc(1, sizeof *record);
	CLEANUP_FREE char *secret = path_join(directory, "k.key");
	CLEANUP_BUFFER struct buffer bundle = {0};
	CLEANUP_FREE char *payload = NULL;
	CLEANUP_JSON json_t *statement = NULL;
	struct record_subject *subject = ARRAY_ADD(record->subjects, record->n_subjects);
	struct record_byproduct *plan = ARRAY_ADD(record->byproducts, record->n_byproducts);
	struct error err = {0};

	subject->name = xstrdup("overlay.qcow2");
	ck_assert_int_eq(digest_of_file(overlay, &subject->digest, &err), 0);
	if (parent)
		add_dependency(record, "parent", parent);
	if (parent_record)
		add_dependency(record, "parent-record", parent_record);
	plan->name = xstrdup("plan");
	digest_of("plan", 4, &plan->digest);
	record->builder = record_builder("sandbox", "none");
	record->run_id = xstrdup("run-1");
	statement = record_to_json(record);
	payload = json_to_bytes(statement);
	{
		CLEANUP(key_free)
		struct key *key = key_open_private(secret, &err);

		ck_assert_int_eq(bundle_make(key, payload, strlen(payload), &bundle, &err), 0);
	}
	ck_assert_int_eq(file_replace(path, bundle.data, bundle.len, 0644, &err), 0);
}

static void setup(void)
{
	struct error err = {0};

	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	base = path_join(directory, "base.qcow2");
	middle = path_join(directory, "middle.qcow2");
	top = path_join(directory, "top.qcow2");
	middle_record = path_join(directory, "middle.json");
	top_record = path_join(directory, "top.json");
	public_key = path_join(directory, "k.pub");
	qemu_img((const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", base, "16M", NULL});
	make_overlay(middle, base);
	make_overlay(top, middle);
	ck_assert_int_eq(key_generate(directory, "k", NULL, &err), 0);
	write_record(middle_record, middle, base, NULL);
	write_record(top_record, top, middle, middle_record);
}

static void teardown(void)
{
	struct error err = {0};

	free(base);
	free(middle);
	free(top);
	free(middle_record);
	free(top_record);
	free(public_key);
	ck_assert_int_eq(directory_remove(directory, &err), 0);
}

static int verify(bool with_ancestor, struct verification *ret, struct error *err)
{
	const char *const ancestors[] = {middle_record};
	const char *const keys[] = {public_key};
	const char *const backing[] = {middle, base};
	const struct verify_request request = {.overlay = top,
					       .record = top_record,
					       .ancestor_records = ancestors,
					       .n_ancestor_records = with_ancestor,
					       .public_keys = keys,
					       .n_public_keys = 1,
					       .backing = backing,
					       .n_backing = 2};

	return record_verify(&request, ret, err);
}

static void verified(bool with_ancestor, struct verification *ret)
{
	struct error err = {0};

	ck_assert_msg(verify(with_ancestor, ret, &err) == 0, "%s", err.msg);
}

static const struct finding *find(const struct verification *verification,
				  enum finding_status status, const char *what, const char *object)
{
	for (size_t i = 0; i < verification->n_findings; i++) {
		const struct finding *finding = &verification->findings[i];

		if (finding->status == status && strcmp(finding->what, what) == 0 &&
		    strcmp(finding->object, object) == 0)
			return finding;
	}
	return NULL;
}

static size_t count_bad(const struct verification *verification)
{
	size_t n = 0;

	for (size_t i = 0; i < verification->n_findings; i++)
		n += verification->findings[i].status == FINDING_BAD;
	return n;
}

static void flip(const char *path, off_t offset)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR);
	char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, offset), 1);
}

START_TEST(whole_chain_is_good)
{
	struct verification v = {0};

	verified(true, &v);
	ck_assert(!verification_has(&v, FINDING_BAD));
	ck_assert(!verification_has(&v, FINDING_GAP));
	ck_assert_ptr_nonnull(find(&v, FINDING_OK, "overlay", top));
	ck_assert_ptr_nonnull(find(&v, FINDING_OK, "parent", middle));
	ck_assert_ptr_nonnull(find(&v, FINDING_OK, "parent-record", middle_record));
	ck_assert_ptr_nonnull(find(&v, FINDING_OK, "overlay", middle));
	ck_assert_ptr_nonnull(find(&v, FINDING_OK, "parent", base));
	ck_assert_ptr_nonnull(find(&v, FINDING_NOTE, "plan", "by-product"));
	verification_free(&v);
}
END_TEST

START_TEST(missing_ancestor_is_a_gap)
{
	struct verification v = {0};

	verified(false, &v);
	ck_assert(!verification_has(&v, FINDING_BAD));
	ck_assert_ptr_nonnull(find(&v, FINDING_GAP, "parent-record", "not given"));
	verification_free(&v);
}
END_TEST

START_TEST(record_without_ancestor_leaves_a_gap)
{
	struct verification v = {0};

	write_record(top_record, top, middle, NULL);
	verified(false, &v);
	ck_assert(!verification_has(&v, FINDING_BAD));
	ck_assert_ptr_nonnull(find(&v, FINDING_GAP, "parent-record", middle));
	verification_free(&v);
}
END_TEST

/* What a record says of the overlay's parent, and what the overlay has. */
START_TEST(parent_and_backing_file_go_together)
{
	const char *const keys[] = {public_key};
	const char *const backing[] = {middle, base};
	struct verify_request request = {
		.overlay = base, .record = top_record, .public_keys = keys, .n_public_keys = 1};
	struct verification v = {0};
	const struct finding *finding;
	struct error err = {0};

	write_record(top_record, base, middle, NULL);
	ck_assert_msg(record_verify(&request, &v, &err) == 0, "%s", err.msg);
	finding = find(&v, FINDING_BAD, "parent", base);
	ck_assert_ptr_nonnull(finding);
	ck_assert_str_eq(finding->found, "no backing file");
	verification_free(&v);
	write_record(top_record, top, NULL, NULL);
	request.overlay = top;
	request.backing = backing;
	request.n_backing = 2;
	v = (struct verification){0};
	ck_assert_msg(record_verify(&request, &v, &err) == 0, "%s", err.msg);
	finding = find(&v, FINDING_BAD, "parent", top);
	ck_assert_ptr_nonnull(finding);
	ck_assert_str_eq(finding->expected, "no parent in the record");
	ck_assert_str_eq(finding->found, "a backing file");
	verification_free(&v);
}
END_TEST

/* The last byte of the file is in a table that the header parser does not read. */
static void flipped_file(const char *path, const char *what, size_t n_bad)
{
	struct verification v = {0};
	const struct finding *finding;
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	flip(path, st.st_size - 1);
	verified(true, &v);
	finding = find(&v, FINDING_BAD, what, path);
	ck_assert_ptr_nonnull(finding);
	ck_assert_int_eq(strncmp(finding->expected, "sha256:", 7), 0);
	ck_assert_str_ne(finding->expected, finding->found);
	ck_assert_uint_eq(count_bad(&v), n_bad);
	verification_free(&v);
}

START_TEST(flipped_overlay_is_named)
{
	flipped_file(top, "overlay", 1);
}
END_TEST

/* Two records speak of it: as a parent and as an overlay. */
START_TEST(flipped_middle_is_named)
{
	flipped_file(middle, "parent", 2);
}
END_TEST

START_TEST(flipped_base_is_named)
{
	flipped_file(base, "parent", 1);
}
END_TEST

START_TEST(overlay_with_a_damaged_header_is_named)
{
	struct verification v = {0};

	flip(top, 0);
	verified(true, &v);
	ck_assert_ptr_nonnull(find(&v, FINDING_BAD, "chain", top));
	ck_assert_ptr_nonnull(find(&v, FINDING_BAD, "overlay", top));
	verification_free(&v);
}
END_TEST

START_TEST(flipped_record_is_named)
{
	struct verification v = {0};
	const struct finding *finding;

	flip(top_record, 100);
	verified(true, &v);
	finding = find(&v, FINDING_BAD, "signature", top_record);
	ck_assert_ptr_nonnull(finding);
	ck_assert_ptr_nonnull(strstr(finding->found, top_record));
	verification_free(&v);
}
END_TEST

START_TEST(flipped_ancestor_is_named)
{
	struct verification v = {0};
	const struct finding *finding;

	flip(middle_record, 100);
	verified(true, &v);
	finding = find(&v, FINDING_BAD, "parent-record", middle_record);
	ck_assert_ptr_nonnull(finding);
	ck_assert_str_eq(find(&v, FINDING_GAP, "parent-record", "not given")->expected,
			 finding->expected);
	verification_free(&v);
}
END_TEST

START_TEST(stranger_among_the_ancestors_is_named)
{
	struct verification v = {0};

	write_record(top_record, top, middle, NULL);
	verified(true, &v);
	ck_assert_str_eq(find(&v, FINDING_BAD, "parent-record", middle_record)->expected,
			 "a record that another one names");
	verification_free(&v);
}
END_TEST

START_TEST(absent_files_are_errors)
{
	struct verification v = {0};
	struct error err = {0};

	ck_assert_int_eq(unlink(top_record), 0);
	ck_assert_int_eq(verify(true, &v, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_int_eq(unlink(top), 0);
	ck_assert_int_eq(verify(true, &v, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_uint_eq(v.n_findings, 0);
}
END_TEST

START_TEST(findings_are_json)
{
	CLEANUP_JSON json_t *json = NULL;
	struct verification v = {0};

	verified(true, &v);
	json = verification_to_json(&v);
	ck_assert_uint_eq(json_array_size(json), v.n_findings);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json, 0), "status")),
			 "ok");
	verification_free(&v);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record verify");
	TCase *tcase = tcase_create("chain");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, whole_chain_is_good);
	tcase_add_test(tcase, missing_ancestor_is_a_gap);
	tcase_add_test(tcase, record_without_ancestor_leaves_a_gap);
	tcase_add_test(tcase, parent_and_backing_file_go_together);
	tcase_add_test(tcase, flipped_overlay_is_named);
	tcase_add_test(tcase, flipped_middle_is_named);
	tcase_add_test(tcase, flipped_base_is_named);
	tcase_add_test(tcase, overlay_with_a_damaged_header_is_named);
	tcase_add_test(tcase, flipped_record_is_named);
	tcase_add_test(tcase, flipped_ancestor_is_named);
	tcase_add_test(tcase, stranger_among_the_ancestors_is_named);
	tcase_add_test(tcase, absent_files_are_errors);
	tcase_add_test(tcase, findings_are_json);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
