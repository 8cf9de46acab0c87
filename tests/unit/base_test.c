/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/checksum.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "suite.h"

START_TEST(error_text_is_one_harmless_line)
{
	struct error err = {0};
	char text[ERROR_TEXT_SIZE];

	ck_assert_int_eq(error_set(&err, ERROR_TRUST, "a\nb%s", "\x1b[0m\xff"), -1);
	error_prefix(&err, "image %s", "100%\\o/\xc2\x9b\xc3\xa9");
	error_text(&err, text);
	ck_assert_str_eq(text, "image 100%\\o/\\xC2\\x9B\xc3\xa9: a\\x0Ab\\x1B[0m\\xFF");
	ck_assert_int_eq(err.kind, ERROR_TRUST);
}
END_TEST

START_TEST(text_has_one_spelling_for_each_name)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {
		{"50% off.qcow2", "50% off.qcow2"},
		{"a\\b", "a\\b"},
		{"\xff", "\\xFF"},
		{"\\xFF", "\\x5CxFF"},
		{"\xed\xa0\x80", "\\xED\\xA0\\x80"},
		{"caf\xc3\xa9\n", "caf\xc3\xa9\n"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CLEANUP_FREE char *text = text_escape(cases[i].bytes);
		CLEANUP_FREE char *back = text_unescape(text);

		ck_assert_str_eq(text, cases[i].text);
		ck_assert_str_eq(back, cases[i].bytes);
	}
	ck_assert(text_is_utf8("caf\xc3\xa9%"));
	ck_assert(!text_is_utf8("caf\xe9"));
}
END_TEST

START_TEST(a_quoted_word_is_one_for_the_shell)
{
	static const struct {
		const char *word, *quoted;
	} cases[] = {
		{"/srv/golden/web-01.qcow2", "/srv/golden/web-01.qcow2"},
		{"/srv/odd name.qcow2", "'/srv/odd name.qcow2'"},
		{"it's", "'it'\\''s'"},
		{"$HOME", "'$HOME'"},
		{"caf\xc3\xa9", "'caf\xc3\xa9'"},
		{"", "''"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CLEANUP_FREE char *quoted = text_quote(cases[i].word);

		ck_assert_str_eq(quoted, cases[i].quoted);
	}
}
END_TEST

START_TEST(no_space_and_no_permission_have_their_own_kinds)
{
	struct error err = {0};

	error_os(&err, ERROR_IO, ENOSPC, "write %s", "f");
	ck_assert_int_eq(err.kind, ERROR_SPACE);
	ck_assert_str_eq(err.msg, "write f: No space left on device");
	error_os(&err, ERROR_IO, EACCES, "write %s", "f");
	ck_assert_int_eq(err.kind, ERROR_DENIED);
	error_os(&err, ERROR_CONFIG, EACCES, "read %s", "f");
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	error_namespaces(&err, ENOSPC, "unshare");
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_str_eq(err.msg, "unshare: the limit of namespaces is reached");
	error_namespaces(&err, EPERM, "unshare");
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_str_eq(err.msg, "unshare: Operation not permitted");
}
END_TEST

START_TEST(digest_matches_the_standard)
{
	struct digest digest, again;
	char hex[DIGEST_HEX_SIZE];

	digest_of("abc", 3, &digest);
	digest_to_hex(&digest, hex);
	ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ck_assert(digest_from_hex(hex, &again));
	ck_assert(digest_equal(&digest, &again));
	hex[0] = 'B';
	ck_assert(!digest_from_hex(hex, &again));
}
END_TEST

START_TEST(what_cannot_be_read_has_no_digest)
{
	CLEANUP_CLOSE int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct digest digest;
	struct checksum checksum;
	struct error err = {0};

	ck_assert_int_eq(digest_of_fd(fd, &digest, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IO);
	ck_assert_str_eq(err.msg, "reading: Is a directory");
	err = (struct error){0};
	ck_assert_int_eq(checksum_of_fd(fd, CHECKSUM_SHA512, NULL, &checksum, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IO);
	ck_assert_str_eq(err.msg, "reading: Is a directory");
}
END_TEST

START_TEST(checksum_is_of_its_type)
{
	/* FIPS 180-2, of "abc" */
	static const char sha384[] =
		"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
		"8086072ba1e7cc2358baeca134c825a7";
	struct checksum got, parsed, sha256;

	checksum_of("abc", 3, CHECKSUM_SHA384, &got);
	ck_assert_str_eq(got.hex, sha384);
	ck_assert(checksum_parse("sha384", sha384, &parsed));
	ck_assert(checksum_equal(&got, &parsed));
	checksum_of("abc", 3, CHECKSUM_SHA256, &sha256);
	ck_assert(!checksum_equal(&sha256, &parsed));
	ck_assert(!checksum_parse("sha512", sha384, &parsed));
	ck_assert(!checksum_parse("sha", "a9993e364706816aba3e25717850c26c9cd0d89d", &parsed));
	ck_assert(checksum_parse("SHA256",
				 "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF"
				 "61F20015AD",
				 &parsed));
	ck_assert(checksum_equal(&sha256, &parsed));
	ck_assert(!checksum_parse("sha256",
				  "ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff"
				  "61f20015ad",
				  &parsed));
}
END_TEST

START_TEST(json_bytes_go_both_ways)
{
	static const char name[] = "caf\xc3\xa9 \xff%41\\x41\xed\xa0\x80\n";
	CLEANUP_JSON json_t *object = json_object();
	CLEANUP_FREE char *back = NULL;
	struct error err = {0};
	struct json_reader reader = {
		.object = object, .what = "t", .kind = ERROR_CONFIG, .err = &err};

	json_put_bytes(object, "n", name);
	json_get_bytes(&reader, "n", &back);
	ck_assert_int_eq(json_reader_result(&reader), 0);
	ck_assert_str_eq(back, name);
}
END_TEST

START_TEST(json_counts_are_not_negative)
{
	CLEANUP_JSON json_t *object = json_pack("{s:i}", "size", -1);
	struct error err = {0};
	struct json_reader reader = {
		.object = object, .what = "plan", .kind = ERROR_CONFIG, .err = &err};
	uint64_t number = 7;

	json_get_u64(&reader, "size", &number);
	ck_assert_int_eq(json_reader_result(&reader), -1);
	ck_assert_str_eq(err.msg, "plan: member size is negative");
	ck_assert_uint_eq(number, 7);
}
END_TEST

START_TEST(json_reader_names_the_member)
{
	CLEANUP_JSON json_t *object = json_object();
	struct error err = {0};
	struct json_reader reader = {
		.object = object, .what = "plan", .kind = ERROR_CONFIG, .err = &err};
	uint64_t number = 7;

	json_get_u64(&reader, "size", &number);
	ck_assert_int_eq(json_reader_result(&reader), -1);
	ck_assert_str_eq(err.msg, "plan: member size is missing");
	ck_assert_uint_eq(number, 7);
}
END_TEST

START_TEST(process_reports_what_happened)
{
	static const char *const argv[] = {"sh", "-c", "cat; echo e >&2; exit 3", NULL};
	struct process_spec spec = {
		.argv = argv, .input = "in", .input_len = 2, .output_limit = 100};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	ck_assert_int_eq(process_run(&spec, &result, &err), 0);
	ck_assert_int_eq(result.exit_code, 3);
	ck_assert_str_eq(result.out.data, "in");
	ck_assert_str_eq(result.err.data, "e\n");
}
END_TEST

START_TEST(process_that_is_missing_is_an_error)
{
	static const char *const argv[] = {"/nonexistent/tool", NULL};
	struct process_spec spec = {.argv = argv};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	ck_assert_int_eq(process_run(&spec, &result, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_str_eq(err.msg, "cannot run /nonexistent/tool: is it installed?");
}
END_TEST

START_TEST(process_past_its_deadline_is_killed)
{
	static const char *const argv[] = {"sleep", "60", NULL};
	struct process_spec spec = {.argv = argv, .deadline_ms = 200};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	ck_assert_int_eq(process_run(&spec, &result, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
}
END_TEST

static int handled[2];

static void handle(int number)
{
	(void)number;
	if (write(handled[1], "x", 1) < 0)
		abort();
}

/* One that is stopped before it is what it will be does nothing in its parent's name. */
START_TEST(process_that_has_hardly_begun_ends)
{
	const char *const argv[] = {"sleep", "60", NULL};
	const struct process_spec spec = {.argv = argv};
	struct error err = {0};
	char byte;

	ck_assert_int_eq(pipe2(handled, O_NONBLOCK), 0);
	signal(SIGTERM, handle);
	for (int i = 0; i < 100; i++) {
		pid_t pid = process_start(&spec, -1, -1, &err);

		ck_assert_int_gt(pid, 0);
		process_stop(pid, 60000);
	}
	signal(SIGTERM, SIG_DFL);
	ck_assert_int_lt(read(handled[0], &byte, 1), 0);
	close(handled[0]);
	close(handled[1]);
}
END_TEST

START_TEST(file_replace_keeps_or_replaces)
{
	char directory[] = "/tmp/coldpatch-test.XXXXXX";
	struct error err = {0};
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *path = NULL;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	path = path_join(directory, "f");
	ck_assert_int_eq(file_replace(path, "one", 3, 0600, &err), 0);
	ck_assert_int_eq(file_replace(path, "two", 3, 0600, &err), 0);
	ck_assert_int_eq(file_read(path, 10, &text, &err), 0);
	ck_assert_str_eq(text.data, "two");
	ck_assert_int_eq(file_read(path, 2, &text, &err), -1);
	ck_assert_int_eq(directory_remove(directory, &err), 0);
	ck_assert_int_eq(access(directory, F_OK), -1);
}
END_TEST

static void refused(const char *path, enum error_kind kind, const char *message)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct error err = {0};

	ck_assert_int_eq(file_read_document(path, 10, ERROR_CONFIG, &text, &err), -1);
	ck_assert_int_eq(err.kind, kind);
	ck_assert_msg(strstr(err.msg, message), "\"%s\" lacks \"%s\"", err.msg, message);
	ck_assert_msg(strncmp(err.msg, path, strlen(path)) == 0, "%s does not name it", err.msg);
}

START_TEST(documents_are_regular_files)
{
	char directory[] = "/tmp/coldpatch-test.XXXXXX";
	struct error err = {0};
	CLEANUP_FREE char *fifo = NULL, *link = NULL, *large = NULL, *absent = NULL;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	fifo = path_join(directory, "fifo");
	link = path_join(directory, "link");
	large = path_join(directory, "large");
	absent = path_join(directory, "absent");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(symlink("large", link), 0);
	ck_assert_int_eq(file_replace(large, "eleven byte", 11, 0600, &err), 0);
	refused(fifo, ERROR_CONFIG, ": is a fifo, not a file");
	refused(link, ERROR_CONFIG, ": is a symbolic link; give the file itself: /");
	refused(directory, ERROR_CONFIG, ": is a directory, not a file");
	refused("/dev/zero", ERROR_CONFIG, ": is a device, not a file");
	refused(large, ERROR_CONFIG, ": longer than 10 bytes");
	refused(absent, ERROR_MISSING, ": No such file or directory");
	ck_assert_int_eq(directory_remove(directory, &err), 0);
}
END_TEST

/* 0: not as this user, or not on this file system. */
static int set_flags(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int set = fd >= 0 && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;

	close(fd);
	return set;
}

START_TEST(what_cannot_be_removed_is_named)
{
	char directory[] = "/tmp/coldpatch-test.XXXXXX";
	CLEANUP_FREE char *mounted = NULL, *locked = NULL, *message = NULL;
	struct error err = {0};

	ck_assert_ptr_nonnull(mkdtemp(directory));
	mounted = path_join(directory, "mounted");
	locked = path_join(directory, "locked");
	ck_assert_int_eq(mkdir(mounted, 0700), 0);
	if (unshare(CLONE_NEWNS) == 0 && mount("", "/", "", MS_REC | MS_PRIVATE, "") == 0 &&
	    mount("none", mounted, "tmpfs", 0, "") == 0) {
		ck_assert_int_eq(directory_remove(directory, &err), -1);
		ck_assert_int_eq(err.kind, ERROR_IO);
		message = xasprintf("%s: removing mounted: a file system is mounted there",
				    directory);
		ck_assert_str_eq(err.msg, message);
		ck_assert_int_eq(umount(mounted), 0);
	}
	ck_assert_int_eq(file_replace(locked, "x", 1, 0600, &err), 0);
	if (set_flags(locked, FS_IMMUTABLE_FL)) {
		int outcome = directory_remove(directory, &err);

		ck_assert(set_flags(locked, 0));
		ck_assert_int_eq(outcome, -1);
		ck_assert_int_eq(err.kind, ERROR_DENIED);
		ck_assert_ptr_nonnull(
			strstr(err.msg, ": removing locked: Operation not permitted"));
	}
	ck_assert_int_eq(directory_remove(directory, &err), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *tests = tcase_create("base");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, error_text_is_one_harmless_line);
	tcase_add_test(tests, text_has_one_spelling_for_each_name);
	tcase_add_test(tests, a_quoted_word_is_one_for_the_shell);
	tcase_add_test(tests, no_space_and_no_permission_have_their_own_kinds);
	tcase_add_test(tests, digest_matches_the_standard);
	tcase_add_test(tests, what_cannot_be_read_has_no_digest);
	tcase_add_test(tests, checksum_is_of_its_type);
	tcase_add_test(tests, json_bytes_go_both_ways);
	tcase_add_test(tests, json_counts_are_not_negative);
	tcase_add_test(tests, json_reader_names_the_member);
	tcase_add_test(tests, process_reports_what_happened);
	tcase_add_test(tests, process_that_is_missing_is_an_error);
	tcase_add_test(tests, process_past_its_deadline_is_killed);
	tcase_add_test(tests, process_that_has_hardly_begun_ends);
	tcase_add_test(tests, file_replace_keeps_or_replaces);
	tcase_add_test(tests, what_cannot_be_removed_is_named);
	tcase_add_test(tests, documents_are_regular_files);
	return suite_run(suite);
}
