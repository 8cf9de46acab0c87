/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which family a guest is of, by os-release and by the databases that are there. */
#include <check.h>
#include <stdlib.h>

#include "guest_images.h"
#include "package/package.h"
#include "suite.h"

static const struct {
	const char *id, *like;
	bool deb, rpm; /* which databases are there */
	const char *family, *message;
} cases[] = {
	{"debian", NULL, true, false, "deb", NULL},
	{"debian", NULL, true, true, "deb", NULL},
	{"fedora", NULL, false, true, "rpm", NULL},
	{"fedora", NULL, true, true, "rpm", NULL},
	{"sles_sap", "suse", true, true, "rpm", NULL},
	{"linuxmint", "ubuntu debian", true, true, "deb", NULL},
	{"new", "older rhel debian", true, true, "rpm", NULL},
	{"rhel", "debian", true, true, "rpm", NULL},
	{"unheard-of", NULL, true, false, "deb", NULL},
	{"unheard-of", "debianish", false, true, "rpm", NULL},
	{NULL, NULL, false, true, "rpm", NULL},
	{"unheard-of", NULL, true, true, NULL,
	 "there are two package databases, /var/lib/dpkg/status and /var/lib/rpm, and nothing in "
	 "os-release (ID, ID_LIKE) tells which of them is the system's: say it there"},
	{"fedora", NULL, true, false, NULL,
	 "os-release says that this is fedora, whose package database would be /var/lib/rpm, but "
	 "only /var/lib/dpkg/status is there: start the guest and restore its database"},
	{"raspbian", "debian", false, true, NULL,
	 "os-release says that this is raspbian, whose package database would be "
	 "/var/lib/dpkg/status, but only /var/lib/rpm is there: start the guest and restore its "
	 "database"},
	{"fedora", NULL, false, false, NULL,
	 "no known package database in the guest: looked for /var/lib/dpkg/status, /var/lib/rpm"},
};

static struct tree *make_tree(bool deb, bool rpm, struct opened *opened)
{
	const struct test_fs root = {.disk = "disk", .size = 32, .from = "root"};
	CLEANUP_FREE char *disk = in_work("disk");
	struct error err = {0};
	struct fs *fs;

	put_file("root/etc/hostname", "x\n");
	if (deb)
		put_file("root/var/lib/dpkg/status", "");
	if (rpm)
		put_file("root/var/lib/rpm/rpmdb.sqlite", "");
	make_disk("disk", 32, NULL);
	make_fs(&root);
	add_disk(opened, disk, NULL, false);
	fs = fs_open(opened->blocks[0], &err);
	ck_assert_msg(fs != NULL, "%s", err.msg);
	opened->tree = tree_new();
	ck_assert_int_eq(tree_mount(opened->tree, "/", fs, &err), 0);
	return opened->tree;
}

START_TEST(is_told)
{
	CLEANUP_OPENED struct opened opened = {0};
	struct guest_os os = {.id = (char *)(uintptr_t)cases[_i].id,
			      .id_like = (char *)(uintptr_t)cases[_i].like};
	struct error err = {0};
	const struct package_family *family =
		package_family_detect(make_tree(cases[_i].deb, cases[_i].rpm, &opened), &os, &err);

	if (cases[_i].message) {
		ck_assert_ptr_null(family);
		ck_assert_int_eq(err.kind, ERROR_IMAGE);
		ck_assert_str_eq(err.msg, cases[_i].message);
		return;
	}
	ck_assert_msg(family != NULL, "%s", err.msg);
	ck_assert_str_eq(family->name, cases[_i].family);
}
END_TEST

START_TEST(no_family_has_no_manager)
{
	ck_assert_ptr_null(package_manager_of(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("family");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, images_setup, images_teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, is_told, 0, sizeof cases / sizeof *cases);
	tcase_add_test(tcase, no_family_has_no_manager);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
