/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The signer that lies beside the test programs: it signs what it has seen for itself. */
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/checksum.h"
#include "head_fixture.h"
#include "suite.h"

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
	Suite *suite = suite_create("signing of heads");
	TCase *tcase = tcase_create("signing of heads");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, signer_signs_what_it_has_seen);
	tcase_add_test(tcase, signer_is_no_oracle);
	tcase_add_test(tcase, signer_digests_what_was_exported);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
