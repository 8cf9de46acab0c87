/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The format of want files: what is written, what is read, what is refused. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "fetch/layout.h"
#include "fetch/want.h"
#include "suite.h"

#define FIRST "coldpatch-want 1\n"
#define BLOCK "\nrelease debian 12 bookworm\narchitectures amd64\nsuites bookworm\nupdate all\n"

static struct guest_package packages[] = {{"zlib1g", "amd64", "1:1.2.13.dfsg-1"},
					  {"libc6", "i386", "2.36-9+deb12u9"},
					  {"libc6", "amd64", "2.36-9+deb12u9"},
					  {"half-there", "amd64", ""},
					  {"adduser", "all", "3.134"}};
static char *foreign[] = {"i386"};

static struct guest guest_of(size_t n_packages)
{
	return (struct guest){
		.os = {.id = "debian", .version_id = "12", .codename = "bookworm"},
		.identity = {.hostname = "secret-name"},
		.packages = {.family = "deb",
			     .architecture = "amd64",
			     .foreign_architectures = foreign,
			     .n_foreign_architectures = 1,
			     .installed = packages,
			     .n_installed = n_packages},
	};
}

static char *text_of(const struct guest *guests, size_t n, const struct patchset *patchset)
{
	CLEANUP_WANT struct want want = {0};
	struct error err = {0};

	for (size_t i = 0; i < n; i++)
		ck_assert_msg(want_add(&want, &guests[i], patchset, &err) == 0, "%s", err.msg);
	return want_to_text(&want);
}

START_TEST(writes_what_is_wanted_and_nothing_else)
{
	const struct guest guest = guest_of(5);
	CLEANUP_FREE char *text = text_of(&guest, 1, NULL);

	ck_assert_str_eq(text, FIRST "\nrelease debian 12 bookworm\n"
				     "architectures amd64 i386\n"
				     "suites bookworm bookworm-security bookworm-updates\n"
				     "update all\n"
				     "package adduser 3.134 all\n"
				     "package libc6 2.36-9+deb12u9 amd64\n"
				     "package libc6 2.36-9+deb12u9 i386\n"
				     "package zlib1g 1:1.2.13.dfsg-1 amd64\n");
}
END_TEST

START_TEST(equal_guests_give_one_block_in_any_order)
{
	const struct guest ab[] = {guest_of(5), guest_of(2), guest_of(5)};
	const struct guest ba[] = {guest_of(2), guest_of(5), guest_of(2)};
	CLEANUP_FREE char *one = text_of(ab, 3, NULL), *two = text_of(ba, 3, NULL);
	const char *first = strstr(one, "release"), *second = strstr(first + 1, "release");

	ck_assert_str_eq(one, two);
	ck_assert_ptr_nonnull(second);
	ck_assert_ptr_null(strstr(second + 1, "release"));
}
END_TEST

START_TEST(a_patchset_says_which_updates)
{
	static char *names[] = {"openssl", "libssl3"};
	struct patchset patchset = {.name = "p",
				    .os_id = "debian",
				    .os_version = "12",
				    .scope = RESOLVE_NAMED,
				    .packages = names,
				    .n_packages = 2};
	const struct guest guest = guest_of(1);
	CLEANUP_FREE char *named = text_of(&guest, 1, &patchset);
	CLEANUP_FREE char *security = NULL;

	ck_assert_ptr_nonnull(strstr(named, "\nupdate named libssl3 openssl\n"));
	patchset.scope = RESOLVE_SECURITY;
	security = text_of(&guest, 1, &patchset);
	ck_assert_ptr_nonnull(strstr(security, "\nsuites bookworm bookworm-security\n"));
	ck_assert_ptr_nonnull(strstr(security, "\nupdate security\n"));
}
END_TEST

static void refuses_guest(const struct guest *guest, const struct patchset *patchset,
			  enum error_kind kind, const char *message)
{
	CLEANUP_WANT struct want want = {0};
	struct error err = {0};

	ck_assert_int_eq(want_add(&want, guest, patchset, &err), -1);
	ck_assert_int_eq(err.kind, kind);
	ck_assert_msg(strstr(err.msg, message), "%s", err.msg);
	ck_assert_uint_eq(want.n_guests, 0);
}

START_TEST(refuses_guests_that_cannot_be_told)
{
	struct guest guest = guest_of(1);
	struct guest_package odd = {"zlib1g", "amd64", "1.0 secret"};
	struct patchset other = {.name = "p", .os_id = "debian", .os_version = "13"};

	refuses_guest(&guest, &other, ERROR_CONFIG, "13");
	guest.packages.installed = &odd;
	refuses_guest(
		&guest, NULL, ERROR_IMAGE,
		"\"1.0 secret\" is no version that can be asked for, so nothing is asked for");
	odd = (struct guest_package){"z\nlib", "amd64", "1"};
	refuses_guest(&guest, NULL, ERROR_IMAGE, "is no name of a package");
	odd = (struct guest_package){"zlib", "../..", "1"};
	refuses_guest(&guest, NULL, ERROR_IMAGE, "is no architecture");
	guest = guest_of(1);
	guest.os.codename = "../../etc";
	refuses_guest(&guest, NULL, ERROR_IMAGE, "is no code name");
	guest.os.codename = NULL;
	refuses_guest(&guest, NULL, ERROR_IMAGE,
		      "says no VERSION_CODENAME, by which its updates are found");
	guest.os.id = NULL;
	refuses_guest(&guest, NULL, ERROR_IMAGE, "says no ID");
	guest = guest_of(1);
	guest.packages.family = "none";
	refuses_guest(&guest, NULL, ERROR_IMAGE, "its packages are of no family that is known");
	guest = guest_of(1);
	guest.os.id = "de bian";
	refuses_guest(&guest, NULL, ERROR_IMAGE, "is no distribution");
	guest = guest_of(1);
	guest.os.version_id = "12 or so";
	refuses_guest(&guest, NULL, ERROR_IMAGE, "is no release number");
}
END_TEST

START_TEST(reads_what_it_writes)
{
	const struct guest guests[] = {guest_of(5), guest_of(2)};
	CLEANUP_FREE char *text = text_of(guests, 2, NULL), *again = NULL;
	CLEANUP_WANT struct want want = {0};
	struct error err = {0};

	ck_assert_int_eq(want_parse(text, strlen(text), &want, &err), 0);
	ck_assert_int_eq(want_parse(text, strlen(text), &want, &err), 0);
	ck_assert_uint_eq(want.n_guests, 4);
	again = want_to_text(&want);
	ck_assert_str_eq(text, again);
	ck_assert_uint_eq(want.n_guests, 2);
}
END_TEST

/* Of a layout in which guests have no suites. */
START_TEST(reads_and_writes_other_layouts)
{
	static const char text[] = FIRST "\nrelease rocky 9.1 -\nlayout repomd\n"
					 "architectures x86_64\nupdate all\n"
					 "package bash 0:5.1.8~rc^1-6.el9 x86_64\n";
	CLEANUP_WANT struct want want = {0};
	CLEANUP_FREE char *again = NULL;
	struct error err = {0};

	ck_assert_msg(want_parse(text, strlen(text), &want, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(want.guests[0].layout, "repomd");
	ck_assert_ptr_null(want.guests[0].codename);
	ck_assert_uint_eq(want.guests[0].n_suites, 0);
	again = want_to_text(&want);
	ck_assert_str_eq(again, text);
}
END_TEST

START_TEST(names_repositories_by_where_they_are)
{
	static const struct {
		const char *source, *name;
	} cases[] = {
		{"https://a.example/9/BaseOS/x86_64/os/", "a.example-9-BaseOS-x86_64-os"},
		{"http://me:s3:cret@a.example:81/os", "a.example-81-os"},
		{"http://a.example/os@9", "a.example-os-9"},
		{"/srv/a b/c", "srv-a-b-c"},
		{"http://../", "repository"},
		{"/", "repository"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CLEANUP_FREE char *name = fetch_repository_name(cases[i].source);

		ck_assert_str_eq(name, cases[i].name);
	}
}
END_TEST

static const struct {
	const char *text, *message;
} hostile[] = {
	{FIRST "release d - b\nlayout ../x\n", "line 3: not a layout that is known"},
	{FIRST "release d - -\narchitectures a\nsuites b\n",
	 "block 1 lacks \"architectures\" or \"suites\""},
	{"", "line 1: the file is cut off, or empty"},
	{"coldpatch-want 2\n", "line 1: not \"coldpatch-want 1\""},
	{"#!/bin/sh\n", "line 1: not \"coldpatch-want 1\""},
	{FIRST, "nothing is wanted in it"},
	{FIRST "package a 1 all\n", "line 2: stands before the first \"release\""},
	{FIRST "release debian 12\n", "line 2: not \"release DISTRIBUTION VERSION CODENAME\""},
	{FIRST "release debian 12 ../../etc\n", "line 2: not \"release"},
	{FIRST "release debian 12 /etc\n", "line 2: not \"release"},
	{FIRST "release debian 12 bookworm\n", "block 1 lacks \"architectures\" or \"suites\""},
	{FIRST BLOCK "suites bookworm\n", "line 7: said twice in one block"},
	{FIRST BLOCK "architectures\n", "line 7: said twice in one block"},
	{FIRST "release d - b\nsuites\n", "line 3: says nothing"},
	{FIRST "release d - b\nsuites x/../../y\n", "line 3: a word that cannot be one"},
	{FIRST "release d - b\nsuites http://x\n", "line 3: a word that cannot be one"},
	{FIRST "release d - b\narchitectures amd64\\n\n", "line 3: a word that cannot be one"},
	{FIRST BLOCK "update everything\n",
	 "line 7: not \"update all\", \"update security\" or \"update named PACKAGE...\""},
	{FIRST BLOCK "update named\n", "line 7: not \"update all\""},
	{FIRST BLOCK "update named a;b\n", "line 7: a word that cannot be one"},
	{FIRST BLOCK "package a 1\n", "line 7: not \"package NAME VERSION ARCHITECTURE\""},
	{FIRST BLOCK "package a 1 all more\n", "line 7: not \"package"},
	{FIRST BLOCK "package -o 1 all\n", "line 7: not \"package"},
	{FIRST BLOCK "package a 1\tall\n", "line 7: not \"package"},
	{FIRST BLOCK "package a $(id) all\n", "line 7: not \"package"},
	{FIRST BLOCK "package a 1 all", "line 7: the file is cut off"},
	{FIRST BLOCK "run me\n", "line 7: not known"},
};

START_TEST(refuses_what_is_no_want_file)
{
	CLEANUP_WANT struct want want = {0};
	struct error err = {0};

	ck_assert_int_eq(want_parse(hostile[_i].text, strlen(hostile[_i].text), &want, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_msg(strstr(err.msg, hostile[_i].message), "%s", err.msg);
	ck_assert_uint_eq(want.n_guests, 0);
}
END_TEST

static void refuses_buffer(const struct buffer *text, const char *message)
{
	CLEANUP_WANT struct want want = {0};
	struct error err = {0};

	ck_assert_int_eq(want_parse(text->data, text->len, &want, &err), -1);
	ck_assert_msg(strstr(err.msg, message), "%s", err.msg);
}

START_TEST(refuses_what_is_too_much)
{
	CLEANUP_BUFFER struct buffer text = {0};

	buffer_puts(&text, FIRST);
	for (int i = 0; i < 10001; i++)
		buffer_puts(&text, "release d - b\n");
	refuses_buffer(&text, "too many blocks");
	buffer_clear(&text);
	buffer_puts(&text, FIRST BLOCK);
	for (int i = 0; i <= GUEST_MAX_PACKAGES; i++)
		buffer_puts(&text, "package a 1 all\n");
	refuses_buffer(&text, "too many packages in one block");
	buffer_clear(&text);
	buffer_puts(&text, FIRST BLOCK "update named");
	for (int i = 0; i < 2000; i++)
		buffer_puts(&text, " a");
	buffer_puts(&text, "\n");
	refuses_buffer(&text, "too many words");
	buffer_clear(&text);
	buffer_puts(&text, FIRST BLOCK "package a 1");
	for (int i = 0; i < 70000; i++)
		buffer_putc(&text, '1');
	buffer_puts(&text, " all\n");
	refuses_buffer(&text, "too long");
	buffer_clear(&text);
	buffer_append(&text, FIRST "release d\0- b\n", sizeof FIRST + 13);
	refuses_buffer(&text, "holds a NUL byte");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("want");
	TCase *tests = tcase_create("want");

	tcase_add_test(tests, writes_what_is_wanted_and_nothing_else);
	tcase_add_test(tests, equal_guests_give_one_block_in_any_order);
	tcase_add_test(tests, a_patchset_says_which_updates);
	tcase_add_test(tests, refuses_guests_that_cannot_be_told);
	tcase_add_test(tests, reads_what_it_writes);
	tcase_add_test(tests, reads_and_writes_other_layouts);
	tcase_add_test(tests, names_repositories_by_where_they_are);
	tcase_add_loop_test(tests, refuses_what_is_no_want_file, 0,
			    sizeof hostile / sizeof *hostile);
	tcase_add_test(tests, refuses_what_is_too_much);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
