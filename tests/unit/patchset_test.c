/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "plan/patchset.h"
#include "suite.h"

#define HEAD "version: 1\nname: x\nos: {id: debian, version: \"12\"}\n"

static char path[] = "/tmp/patchset.XXXXXX";

static struct patchset *read_text(const char *text, struct error *err)
{
	ck_assert_int_eq(file_replace(path, text, strlen(text), 0600, err), 0);
	return patchset_read(path, err);
}

static const struct {
	const char *text, *message; /* after "PATH: " */
} refused[] = {
	{HEAD "scope: all\nfoo: 1\n", "line 5: Unexpected key: foo"},
	{HEAD "scope: all\nscope: all\n", "line 5: Mapping field already seen: scope"},
	{HEAD "scope: most\n", "line 4: Invalid ENUM value: most"},
	{HEAD, "line 3: Missing required mapping field: scope"},
	{HEAD "scope: all\nallow-new: maybe\n", "line 5: Invalid ENUM value: maybe"},
	{HEAD "scope: all\nallow-removals: 1\n", "line 5: Invalid ENUM value: 1"},
	{HEAD "scope: all\nholds: x\n", "line 5: Expecting SEQUENCE, got event: SCALAR"},
	{HEAD "scope: all\nholds: [&a x, *a]\n", "line 5: YAML alias unsupported"},
	{HEAD "scope: all\nholds: ['a b']\n", "line 5: holds: \"a b\" is not a package name"},
	{HEAD "scope: named\n", "line 4: scope: is named, but packages names none"},
	{HEAD "scope: named\npackages: [a/b]\n", "line 5: packages: \"a/b\" is not a package name"},
	{HEAD "scope: all\npackages: [a]\n", "line 5: packages: is only for scope named"},
	{"version: 1\nname: x\nos: {version: \"12\"}\nscope: all\n",
	 "line 3: Missing required mapping field: id"},
	{"version: 2\nname: x\nos: {id: debian, version: \"12\"}\nscope: all\n",
	 "line 1: version: only version 1 is known"},
	{"version: two\n", "line 1: Invalid uint64_t value: 'two'"},
	{"", "line 1: the file is empty"},
};

START_TEST(refuses)
{
	struct error err = {0};
	char *want = xasprintf("%s: %s", path, refused[_i].message);

	ck_assert_ptr_null(read_text(refused[_i].text, &err));
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_str_eq(err.msg, want);
	free(want);
}
END_TEST

START_TEST(names_an_absent_file)
{
	struct error err = {0};

	ck_assert_ptr_null(patchset_read("/nonexistent.yaml", &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_str_eq(err.msg, "/nonexistent.yaml: No such file or directory");
}
END_TEST

START_TEST(reads_everything)
{
	CLEANUP(patchset_free)
	struct patchset *patchset = NULL;
	struct resolve_request request;
	struct error err = {0};

	patchset = read_text(HEAD "scope: named\ndescription: d\npackages: [b, a, b]\n"
				  "holds: [p-*]\nallow-removals: true\nallow-new: false\n",
			     &err);
	ck_assert_msg(patchset != NULL, "%s", err.msg);
	ck_assert_str_eq(patchset->name, "x");
	ck_assert_str_eq(patchset->description, "d");
	patchset_request(patchset, &request);
	ck_assert_int_eq(request.scope, RESOLVE_NAMED);
	ck_assert_uint_eq(request.n_names, 2);
	ck_assert_str_eq(request.names[0], "a");
	ck_assert_str_eq(request.names[1], "b");
	ck_assert_uint_eq(request.n_holds, 1);
	ck_assert(request.allow_removals);
	ck_assert(!request.allow_new);
}
END_TEST

START_TEST(defaults_forbid_removals)
{
	CLEANUP(patchset_free)
	struct patchset *patchset = NULL;
	struct error err = {0};

	patchset = read_text(HEAD "scope: all\n", &err);
	ck_assert(patchset && !patchset->allow_removals && patchset->allow_new);
}
END_TEST

static struct digest digest_of_text(const char *text)
{
	CLEANUP(patchset_free)
	struct patchset *patchset = NULL;
	struct error err = {0};

	patchset = read_text(text, &err);
	ck_assert_msg(patchset != NULL, "%s", err.msg);
	return patchset->digest;
}

START_TEST(digest_is_of_the_meaning)
{
	struct digest plain = digest_of_text(HEAD "scope: all\nholds: [a, b]\n");
	struct digest other = digest_of_text("# comment\n" HEAD "holds:\n  - b\n  - a\n"
					     "allow-new: true\nscope: all\n");
	struct digest removals =
		digest_of_text(HEAD "scope: all\nholds: [a, b]\nallow-removals: true\n");

	ck_assert(digest_equal(&plain, &other));
	ck_assert(!digest_equal(&plain, &removals));
}
END_TEST

START_TEST(is_for_one_system)
{
	CLEANUP(patchset_free)
	struct patchset *patchset = NULL;
	struct error err = {0};

	patchset = read_text(HEAD "scope: all\n", &err);
	ck_assert_int_eq(patchset_check_guest(patchset, "debian", "12", &err), 0);
	ck_assert_int_eq(patchset_check_guest(patchset, "debian", NULL, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_str_eq(err.msg, "patchset x is for debian 12, but the guest is debian unknown: "
				  "choose another patchset");
}
END_TEST

static int fits(const char *os, const char *version, struct error *err)
{
	CLEANUP_FREE char *text = xasprintf("version: 1\nname: x\nos: %s\nscope: all\n", os);
	CLEANUP(patchset_free)
	struct patchset *patchset = read_text(text, err);

	ck_assert_msg(patchset != NULL, "%s", err->msg);
	return patchset_check_guest(patchset, "rocky", version, err);
}

START_TEST(a_version_is_also_for_what_is_below_it)
{
	struct error err = {0};

	ck_assert_int_eq(fits("{id: rocky, version: \"9\"}", "9", &err), 0);
	ck_assert_int_eq(fits("{id: rocky, version: \"9\"}", "9.1", &err), 0);
	ck_assert_int_eq(fits("{id: rocky, version: \"9.1\"}", "9.1", &err), 0);
	ck_assert_int_eq(fits("{id: rocky, version: \"9.1\"}", "9", &err), -1);
	ck_assert_int_eq(fits("{id: rocky, version: \"9.1\"}", "9.10", &err), -1);
	ck_assert_int_eq(fits("{id: rocky, version: \"9\"}", "90", &err), -1);
	ck_assert_int_eq(fits("{id: rocky}", "10", &err), 0);
	ck_assert_int_eq(fits("{id: fedora}", "10", &err), -1);
	ck_assert_str_eq(err.msg, "patchset x is for fedora, but the guest is rocky 10: choose "
				  "another patchset");
}
END_TEST

START_TEST(shipped_ones_are_read)
{
	const char *top = getenv("TEST_TOP");
	char *pattern = xasprintf("%s/patchsets/*.yaml", top ? top : ".");
	struct error err = {0};
	glob_t files;

	ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
	ck_assert_uint_ge(files.gl_pathc, 12);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct patchset *patchset = patchset_read(files.gl_pathv[i], &err);
		char *name = strrchr(files.gl_pathv[i], '/') + 1;

		ck_assert_msg(patchset != NULL, "%s", err.msg);
		ck_assert_uint_eq(strncmp(name, patchset->name, strlen(patchset->name)), 0);
		patchset_free(patchset);
	}
	globfree(&files);
	free(pattern);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("patchset");
	TCase *tcase = tcase_create("patchset");
	int fd = mkstemp(path), status;

	close(fd);
	tcase_add_loop_test(tcase, refuses, 0, sizeof refused / sizeof *refused);
	tcase_add_test(tcase, names_an_absent_file);
	tcase_add_test(tcase, reads_everything);
	tcase_add_test(tcase, defaults_forbid_removals);
	tcase_add_test(tcase, digest_is_of_the_meaning);
	tcase_add_test(tcase, is_for_one_system);
	tcase_add_test(tcase, a_version_is_also_for_what_is_below_it);
	tcase_add_test(tcase, shipped_ones_are_read);
	suite_add_tcase(suite, tcase);
	status = suite_run(suite);
	unlink(path);
	return status;
}
