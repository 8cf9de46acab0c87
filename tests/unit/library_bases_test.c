/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bases: those that lie elsewhere and may move, and those that are copied. */
#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "library/base.h"
#include "library_fixture.h"
#include "suite.h"

START_TEST(referenced_base)
{
	CLEANUP_FREE char *path = path_join(directory, "base.raw");
	CLEANUP_FREE char *moved = path_join(directory, "moved.raw");
	struct base base = example_base(path, "base"), twin = base;
	char name[] = "below";
	CLEANUP(base_free)
	struct base *read = NULL;
	struct digest *digests;
	size_t n;

	ck_assert_ptr_null(base_load(library, &base.digest, &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(base_add(library, &base, &err), 0);
	twin.backing_name = name;
	ck_assert_int_lt(base_add(library, &twin, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "with another format or another file below it"));
	read = base_load(library, &base.digest, &err);
	ck_assert_msg(read != NULL, "%s", err.msg);
	ck_assert_str_eq(read->path, path);
	ck_assert_int_eq(base_check_unchanged(read, &err), 0);
	ck_assert_int_eq(library_list_bases(library, &digests, &n, &err), 0);
	ck_assert(n == 1 && digest_equal(&digests[0], &base.digest));
	free(digests);

	ck_assert_int_eq(rename(path, moved), 0);
	ck_assert_int_lt(base_check_unchanged(read, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_ptr_nonnull(strstr(err.msg, "coldpatch relocate"));
	ck_assert_int_lt(relocate(&base.digest, "moved.raw"), 0);
	ck_assert_int_eq(err.kind, ERROR_USAGE);
	ck_assert_msg(relocate(&base.digest, moved) == 0, "%s", err.msg);
	base_free(read);
	read = base_load(library, &base.digest, &err);
	ck_assert_str_eq(read->path, moved);
	ck_assert_int_eq(base_check_unchanged(read, &err), 0);
	put(moved, "bases");
	ck_assert_int_lt(base_check_unchanged(read, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "edited behind our back"));
	ck_assert_int_lt(relocate(&base.digest, moved), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "has another size than the base"));
	check_no_temporaries("bases");
}
END_TEST

static void check_fits(const struct base *base)
{
	CLEANUP(base_free)
	struct base *read = base_load(library, &base->digest, &err);

	ck_assert_msg(read != NULL, "%s", err.msg);
	ck_assert_msg(base_check_unchanged(read, &err) == 0, "%s", err.msg);
}

/* Whichever .json stays of two imports at the same time, it fits the file that stays. */
START_TEST(json_of_one_copy_fits_the_file_of_another)
{
	CLEANUP_FREE char *first = base_staged_path(library, "r1");
	CLEANUP_FREE char *second = base_staged_path(library, "r2");
	struct base base = example_base(first, "base");
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *json = NULL, *file = NULL;
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&base.digest, hex);
	json = in_library("bases/%s.json", hex);
	file = in_library("bases/%s", hex);
	base.mode = BASE_COPY;
	ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
	check_fits(&base);
	ck_assert_int_eq(file_read(json, 1 << 16, &text, &err), 0);
	/* The file that came first is there, its .json not yet. */
	unlink(json);
	usleep(20000);
	base = example_base(second, "base");
	base.mode = BASE_COPY;
	ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
	check_fits(&base);
	/* The other one's .json is the last. */
	put(json, text.data);
	check_fits(&base);
	/* One file less, and the last .json of the other. */
	unlink(file);
	base = example_base(second, "base");
	base.mode = BASE_COPY;
	ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
	put(json, text.data);
	check_fits(&base);
	check_no_temporaries("bases");
}
END_TEST

static pid_t add_in_child(struct base *base, unsigned delay_us)
{
	pid_t pid = fork();

	if (pid == 0) {
		usleep(delay_us);
		_exit(base_add(library, base, &err) == 0 ? 0 : (int)err.kind);
	}
	return pid;
}

/* One of two at the same time wins, or both share: what is there can be read, and the same again
 * finds it. */
START_TEST(copy_and_reference_at_once)
{
	CLEANUP_FREE char *staged = base_staged_path(library, "r1");
	CLEANUP_FREE char *outside = path_join(directory, "outside.raw");

	for (unsigned i = 0; i < 100; i++) {
		CLEANUP_FREE char *content = xasprintf("base %u", i);
		struct base copy = example_base(staged, content);
		struct base link = example_base(outside, content);
		pid_t copying, linking;
		int copied, linked;

		copy.mode = BASE_COPY;
		copying = add_in_child(&copy, i % 3 == 1 ? i * 15 : 0);
		linking = add_in_child(&link, i % 3 == 2 ? i * 15 : 0);
		copied = wait_for(copying);
		linked = wait_for(linking);
		ck_assert_msg(copied == 0 || linked == 0, "%u: %d %d", i, copied, linked);
		check_fits(&copy);
		unlink(staged);
		unlink(outside);
	}
}
END_TEST

START_TEST(file_without_its_json)
{
	CLEANUP_FREE char *staged = base_staged_path(library, "r1");
	CLEANUP_FREE char *outside = path_join(directory, "outside.raw");
	struct base base = example_base(staged, "base"), link = example_base(outside, "base");
	CLEANUP_FREE char *json = NULL, *file = NULL;
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&base.digest, hex);
	json = in_library("bases/%s.json", hex);
	file = in_library("bases/%s", hex);
	base.mode = BASE_COPY;
	put(file, "esab");
	ck_assert_int_lt(base_add(library, &base, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "has another content than its name says"));
	put(file, "base");
	ck_assert_int_lt(base_add(library, &link, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "is a file, which another import may be making"));
	ck_assert(!is_there(json));
	ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
	check_fits(&base);
	unlink(json);
	unlink(file);
	ck_assert_int_eq(symlink(outside, file), 0);
	base = example_base(staged, "base");
	base.mode = BASE_COPY;
	ck_assert_int_lt(base_add(library, &base, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "is a link, which another import may be making"));
	ck_assert_msg(base_add(library, &link, &err) == 0, "%s", err.msg);
	check_fits(&base);
}
END_TEST

static char *json_of(const struct base *base)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&base->digest, hex);
	return in_library("bases/%s.json", hex);
}

static void must_not_fit(const struct base *base, const char *message)
{
	ck_assert_ptr_null(base_load(library, &base->digest, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, message) != NULL, "%s", err.msg);
}

static void is_base(const struct base *base, enum base_mode mode, const char *path)
{
	CLEANUP(base_free)
	struct base *read = base_load(library, &base->digest, &err);

	ck_assert_msg(read != NULL, "%s", err.msg);
	ck_assert_int_eq(read->mode, mode);
	ck_assert_str_eq(read->path, path);
	ck_assert_msg(base_check_unchanged(read, &err) == 0, "%s", err.msg);
}

/* What is left when one of two imports is killed between its .json and its file or link. */
START_TEST(json_of_another_kind_of_import)
{
	CLEANUP_FREE char *staged = base_staged_path(library, "r1");
	CLEANUP_FREE char *outside = path_join(directory, "outside.raw");
	struct base link = example_base(outside, "base"), copy = link;
	CLEANUP_BUFFER struct buffer of_link = {0}, of_copy = {0};
	char below[] = "below";
	CLEANUP_FREE char *json = json_of(&link);
	CLEANUP_FREE char *file = xstrndup(json, strlen(json) - strlen(".json"));

	link.backing_name = copy.backing_name = below;
	ck_assert_msg(base_add(library, &link, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(file_read(json, PATH_MAX, &of_link, &err), 0);
	ck_assert(unlink(json) == 0 && unlink(file) == 0);

	put(staged, "base");
	copy.path = staged;
	copy.mode = BASE_COPY;
	ck_assert_msg(base_add(library, &copy, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(file_read(json, PATH_MAX, &of_copy, &err), 0);
	put(json, of_link.data);
	is_base(&copy, BASE_COPY, file);

	ck_assert(unlink(json) == 0 && unlink(file) == 0);
	ck_assert_msg(base_add(library, &link, &err) == 0, "%s", err.msg);
	put(json, of_copy.data);
	must_not_fit(&link, "is a link, and its .json tells of a file; coldpatch relocate ");
	put(staged, "base");
	ck_assert_int_lt(base_add(library, &copy, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(base_add(library, &link, &err) == 0, "%s", err.msg);
	is_base(&link, BASE_REFERENCE, outside);
}
END_TEST

/* What two relocations at the same time leave, or two that fail: .json and link tell of two places.
 */
START_TEST(relocation_mends)
{
	CLEANUP_FREE char *first = path_join(directory, "first.raw");
	CLEANUP_FREE char *second = path_join(directory, "second.raw");
	struct base base = example_base(first, "base");
	CLEANUP_BUFFER struct buffer of_second = {0};
	CLEANUP_FREE char *json = json_of(&base);
	struct stat seen;

	put(second, "base");
	ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
	ck_assert_msg(relocate(&base.digest, second) == 0, "%s", err.msg);
	ck_assert_int_eq(file_read(json, PATH_MAX, &of_second, &err), 0);
	ck_assert_msg(relocate(&base.digest, first) == 0, "%s", err.msg);
	for (int i = 0; i < 2; i++) {
		put(json, of_second.data);
		must_not_fit(&base, "second.raw as its .json says");
		if (i == 0)
			ck_assert_msg(base_may_relocate(library, &base.digest, first, &err) == 0 &&
					      relocate(&base.digest, first) == 0,
				      "%s", err.msg);
		else
			ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
		is_base(&base, BASE_REFERENCE, first);
	}

	ck_assert_int_eq(lstat(second, &seen), 0);
	put(second, "esab");
	ck_assert_int_lt(base_relocate(library, &base.digest, second, &seen, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "second.raw: was changed while it was read"));
	is_base(&base, BASE_REFERENCE, first);
}
END_TEST

START_TEST(one_relocates_at_a_time)
{
	CLEANUP(owner_file_free)
	struct owner_file *lease = base_lease(library, "r1", &err);

	ck_assert_msg(lease != NULL, "%s", err.msg);
	ck_assert_ptr_null(base_lease(library, "r2", &err));
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "host host-a has it, process "));
	ck_assert_int_eq(library_recover(library, &err), 0);
	ck_assert_ptr_null(base_lease(library, "r2", &err));
}
END_TEST

START_TEST(base_from_before_1970)
{
	CLEANUP_FREE char *path = path_join(directory, "base.raw");
	struct base base = example_base(path, "base");
	const struct timespec times[] = {{.tv_sec = -315619200, .tv_nsec = 5},
					 {.tv_sec = -315619200, .tv_nsec = 5}};
	CLEANUP(base_free)
	struct base *read = NULL;

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	base.mtime_s = times[1].tv_sec;
	base.mtime_ns = (uint32_t)times[1].tv_nsec;
	ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
	read = base_load(library, &base.digest, &err);
	ck_assert_msg(read != NULL, "%s", err.msg);
	ck_assert_int_eq(read->mtime_s, -315619200);
	ck_assert_int_eq(base_check_unchanged(read, &err), 0);
}
END_TEST

START_TEST(base_link_leads_where_its_json_says)
{
	CLEANUP_FREE char *path = path_join(directory, "base.raw");
	struct base base = example_base(path, "base");
	CLEANUP_FREE char *link = NULL;
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&base.digest, hex);
	link = in_library("bases/%s", hex);
	ck_assert_int_eq(base_add(library, &base, &err), 0);
	unlink(link);
	ck_assert_int_eq(symlink("/etc/passwd", link), 0);
	ck_assert_ptr_null(base_load(library, &base.digest, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "leads to /etc/passwd, not to"));
	ck_assert_ptr_nonnull(strstr(err.msg, "base.raw as its .json says"));
	unlink(link);
	put(link, "base");
	ck_assert_ptr_null(base_load(library, &base.digest, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "is no link to"));
	unlink(link);
	ck_assert_ptr_null(base_load(library, &base.digest, &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
	base_free(base_load(library, &base.digest, &err));
}
END_TEST

/* What lies beside a base in its name. */
static void must_not_load(const struct base *base, const char *json, const char *message)
{
	char hex[DIGEST_HEX_SIZE];
	CLEANUP_FREE char *path = NULL;

	digest_to_hex(&base->digest, hex);
	path = in_library("bases/%s.json", hex);
	put(path, json);
	ck_assert_ptr_null(base_load(library, &base->digest, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, message) != NULL, "%s", err.msg);
}

START_TEST(base_json_tells_of_it)
{
	CLEANUP_FREE char *path = path_join(directory, "base.raw");
	CLEANUP_FREE char *other_path = path_join(directory, "other.raw");
	struct base base = example_base(path, "base"), other = example_base(other_path, "other");
	CLEANUP_FREE char *json = NULL, *edited = NULL;
	CLEANUP_BUFFER struct buffer text = {0};
	char hex[DIGEST_HEX_SIZE];
	char *mode;

	ck_assert_int_eq(base_add(library, &base, &err), 0);
	ck_assert_int_eq(base_add(library, &other, &err), 0);
	digest_to_hex(&other.digest, hex);
	json = in_library("bases/%s.json", hex);
	ck_assert_int_eq(file_read(json, PATH_MAX, &text, &err), 0);
	edited = buffer_steal(&text);
	must_not_load(&base, edited, ".json: tells of another base");
	mode = strstr(edited, "\"reference\"");
	ck_assert_ptr_nonnull(mode);
	mode[1] = 'R';
	must_not_load(&other, edited, ".json: mode 'Reference' is none");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("library bases");
	TCase *tcase = tcase_create("bases");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, referenced_base);
	tcase_add_test(tcase, json_of_one_copy_fits_the_file_of_another);
	tcase_add_test(tcase, copy_and_reference_at_once);
	tcase_add_test(tcase, file_without_its_json);
	tcase_add_test(tcase, json_of_another_kind_of_import);
	tcase_add_test(tcase, relocation_mends);
	tcase_add_test(tcase, one_relocates_at_a_time);
	tcase_add_test(tcase, base_from_before_1970);
	tcase_add_test(tcase, base_link_leads_where_its_json_says);
	tcase_add_test(tcase, base_json_tells_of_it);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
