/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains of bases, of files that lie elsewhere and of copies. */
#include <check.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "library/base.h"
#include "library_fixture.h"
#include "suite.h"

/* A circle, told by .json files: it is not followed forever. */
START_TEST(base_below_itself)
{
	CLEANUP_FREE char *path = base_staged_path(library, "r1");
	struct base base = example_base(path, "base");
	struct base_chain chain = {0};
	char hex[DIGEST_HEX_SIZE];

	base.mode = BASE_COPY;
	digest_to_hex(&base.digest, hex);
	base.backing_name = hex;
	base.backing = base.digest;
	ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
	ck_assert_int_lt(base_chain_load(library, &base.digest, &chain, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "more than 256 files below each other"));
}
END_TEST

START_TEST(copied_bases_make_a_chain)
{
	CLEANUP_FREE char *lower_path = base_staged_path(library, "r1");
	CLEANUP_FREE char *upper_path = base_staged_path(library, "r1");
	struct base lower = example_base(lower_path, "lower");
	struct base upper = example_base(upper_path, "upper");
	struct base_chain chain = {0};
	struct stat st;
	char hex[DIGEST_HEX_SIZE];

	lower.mode = upper.mode = BASE_COPY;
	digest_to_hex(&lower.digest, hex);
	upper.backing_name = hex;
	upper.backing = lower.digest;
	ck_assert_msg(base_add(library, &lower, &err) == 0, "%s", err.msg);
	ck_assert_msg(base_add(library, &upper, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(base_chain_load(library, &upper.digest, &chain, &err), 0);
	ck_assert_uint_eq(chain.n, 2);
	ck_assert(stat(chain.bases[1]->path, &st) == 0 && (st.st_mode & 07777) == 0444);
	ck_assert_msg(base_chain_check(&chain, &err) == 0, "%s", err.msg);
	base_chain_free(&chain);
	ck_assert_int_lt(base_may_relocate(library, &lower.digest, "/x", &err), 0);
	ck_assert_int_eq(err.kind, ERROR_DENIED);
	ck_assert_ptr_nonnull(strstr(err.msg, "lies in the library itself, and stays there"));
	check_no_temporaries("bases");
	/* One that was begun and never finished. */
	if (fork() == 0) {
		CLEANUP_FREE char *dead = base_staged_path(library, "r2");

		put(dead, "half");
		_exit(0);
	}
	wait(NULL);
	ck_assert_int_eq(library_recover(library, &err), 0);
	check_no_temporaries("bases");
}
END_TEST

static void must_not_move(const struct base *base, const char *path, const char *why)
{
	ck_assert_int_lt(base_may_relocate(library, &base->digest, path, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, why));
}

static void moves(const struct base *base, const char *path)
{
	ck_assert_msg(base_may_relocate(library, &base->digest, path, &err) == 0, "%s", err.msg);
	ck_assert_msg(relocate(&base->digest, path) == 0, "%s", err.msg);
}

static int chain_is_whole(const struct base *top)
{
	CLEANUP_BASE_CHAIN struct base_chain chain = {0};

	ck_assert_msg(base_chain_load(library, &top->digest, &chain, &err) == 0, "%s", err.msg);
	return base_chain_check(&chain, &err);
}

/* Names that are relative are meant from the directory, so that is what the link leads to. */
START_TEST(base_with_a_relative_name)
{
	CLEANUP_FREE char *lower_path = path_join(directory, "lower");
	CLEANUP_FREE char *upper_path = path_join(directory, "upper");
	CLEANUP_FREE char *elsewhere = path_join(directory, "elsewhere");
	CLEANUP_FREE char *new_lower = path_join(elsewhere, "lower");
	CLEANUP_FREE char *new_upper = path_join(elsewhere, "upper");
	struct base lower = example_base(lower_path, "lower");
	struct base upper = example_base(upper_path, "upper");
	char name[] = "lower", target[PATH_MAX] = "", hex[DIGEST_HEX_SIZE];
	CLEANUP_FREE char *link = NULL, *expected = NULL, *named = NULL;

	upper.backing_name = name;
	upper.backing = lower.digest;
	digest_to_hex(&upper.digest, hex);
	link = in_library("bases/%s", hex);
	expected = xasprintf("../../../bases/%s/upper", hex);
	ck_assert_msg(base_add(library, &lower, &err) == 0, "%s", err.msg);
	ck_assert_msg(base_add(library, &upper, &err) == 0, "%s", err.msg);
	ck_assert_int_gt(readlink(link, target, sizeof target - 1), 0);
	ck_assert_str_eq(target, directory);
	named = base_overlay_backing(&upper);
	ck_assert_str_eq(named, expected);
	ck_assert_int_eq(chain_is_whole(&upper), 0);

	/* One of the two alone cannot go, or not without a link in its place. */
	ck_assert_int_eq(mkdir(elsewhere, 0755), 0);
	ck_assert_int_eq(rename(lower_path, new_lower), 0);
	must_not_move(&lower, new_lower, "its header names lower, that is ");
	ck_assert_int_eq(err.kind, ERROR_DENIED);
	must_not_move(&upper, new_upper, "coldpatch relocate");
	ck_assert_int_eq(symlink(new_lower, lower_path), 0);
	moves(&lower, new_lower);
	ck_assert_int_eq(chain_is_whole(&upper), 0);
	unlink(lower_path);
	put(lower_path, "lower");
	ck_assert_int_lt(chain_is_whole(&upper), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "leave a link there (ln -s "));

	/* Both, under their names. */
	ck_assert_int_eq(rename(upper_path, new_upper), 0);
	must_not_move(&upper, new_lower, "the overlays on this base name it upper, because");
	must_not_move(&upper, new_lower, "call the file so there, too");
	moves(&upper, new_upper);
	ck_assert_int_gt(readlink(link, target, sizeof target - 1), 0);
	ck_assert_str_eq(target, elsewhere);
	ck_assert_int_eq(chain_is_whole(&upper), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("library base chains");
	TCase *tcase = tcase_create("chains");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, base_below_itself);
	tcase_add_test(tcase, copied_bases_make_a_chain);
	tcase_add_test(tcase, base_with_a_relative_name);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
