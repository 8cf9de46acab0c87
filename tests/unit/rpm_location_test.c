/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which package database is an RPM guest's, and whether it can be relied on. */
#include "rpm_guest.h"
#include "suite.h"

#define N(array) (sizeof(array) / sizeof *(array))

START_TEST(follows_links_between_places)
{
	CLEANUP_READ struct read one = {0}, other = {0};

	put_database("usr/lib/sysimage/rpm", plain);
	put_link("root/var/lib/rpm", "../../usr/lib/sysimage/rpm");
	ck_assert_msg(read_state(&one) == 0, "%s", one.err.msg);
	ck_assert_str_eq(database_line(&one), "sqlite /usr/lib/sysimage/rpm\n");
	run_tool(NULL, "rm", "-r", in_work("root"), NULL);
	put_database("var/lib/rpm", plain);
	put_link("root/usr/lib/sysimage/rpm", "/var/lib/rpm");
	ck_assert_msg(read_state(&other) == 0, "%s", other.err.msg);
	ck_assert_str_eq(database_line(&other), "sqlite /var/lib/rpm\n");
}
END_TEST

START_TEST(refuses_two_databases)
{
	CLEANUP_READ struct read read = {0};

	put_database("var/lib/rpm", plain);
	put_file("root/usr/lib/sysimage/rpm/Packages.db", "RpmP");
	ck_assert_int_eq(read_state(&read), -1);
	ck_assert_int_eq(read.err.kind, ERROR_IMAGE);
	ck_assert_ptr_nonnull(strstr(read.err.msg, "there are two package databases, "
						   "/var/lib/rpm/rpmdb.sqlite and "
						   "/usr/lib/sysimage/rpm/Packages.db"));
	ck_assert_int_eq(rpm_detect(read.opened.tree, &read.err), -1);
}
END_TEST

#define MOVED " puts the package database into /opt/rpm, and what is found is in /var/lib/rpm: "

static const struct {
	const char *files[3][2];
	const char *message; /* NULL: the database that is found is rpm's */
} macros[] = {
	{{{"usr/lib/rpm/macros", "%_var /var\n%_dbpath\t\t%{_var}/lib/rpm\n"}}, NULL},
	{{{"usr/lib/rpm/macros", "%_dbpath /usr/lib/sysimage/rpm"}},
	 "/usr/lib/rpm/macros puts the package database into /usr/lib/sysimage/rpm, and what is "
	 "found is in /var/lib/rpm: "},
	{{{"usr/lib/rpm/macros", "%_dbpath /usr/lib/sysimage/rpm"},
	  {"etc/rpm/macros.admin", "  %_dbpath   %{_localstatedir}/lib/rpm  \n%_dbpath_x /y\n"}},
	 NULL},
	{{{"etc/rpm/macros.admin", "%_dbpath /opt/rpm"},
	  {"etc/rpm/macros", "%_dbpath /var/lib/rpm"}},
	 NULL},
	{{{"etc/rpm/macros.admin", "%_dbpath /opt/rpm\n"},
	  {"etc/rpm/x", "%_dbpath /var/lib/rpm\n"}},
	 "/etc/rpm/macros.admin" MOVED},
	{{{"etc/rpm/macros", "%_dbpath /opt/rpm"}, {"opt/rpm/rpmdb.sqlite", "x"}},
	 "/etc/rpm/macros" MOVED},
	{{{"root/.rpmmacros", "%_dbpath /opt/rpm"}}, "/root/.rpmmacros" MOVED},
	{{{"usr/lib/rpm/macros.d/macros.x", "%_dbpath %{getenv:X}"}}, NULL},
	{{{"etc/rpm/macros.x", "%_dbpath %{getenv:X}/%{_var}"}},
	 "/etc/rpm/macros.x puts the package database into \"%{getenv:X}/%{_var}\", and only the "
	 "guest's own rpm knows where that is"},
};

START_TEST(believes_plain_macros)
{
	CLEANUP_READ struct read read = {0};

	put_database("var/lib/rpm", plain);
	for (size_t i = 0; i < 3 && macros[_i].files[i][0]; i++) {
		CLEANUP_FREE char *path = xasprintf("root/%s", macros[_i].files[i][0]);

		put_file(path, macros[_i].files[i][1]);
	}
	if (!macros[_i].message) {
		ck_assert_msg(read_state(&read) == 0, "%s", read.err.msg);
		return;
	}
	ck_assert_int_eq(read_state(&read), -1);
	ck_assert_int_eq(read.err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(read.err.msg, macros[_i].message) != NULL, "%s", read.err.msg);
}
END_TEST

START_TEST(refuses_a_journal)
{
	CLEANUP_READ struct read read = {0};

	put_database("var/lib/rpm", plain);
	put_file("root/var/lib/rpm/rpmdb.sqlite-journal", "x");
	ck_assert_int_eq(read_state(&read), -1);
	ck_assert_int_eq(read.err.kind, ERROR_IMAGE);
	ck_assert_ptr_nonnull(strstr(read.err.msg, "/var/lib/rpm/rpmdb.sqlite-journal is there"));
}
END_TEST

START_TEST(knows_where_there_is_none)
{
	CLEANUP_READ struct read read = {0};

	put_file("root/etc/x", "");
	ck_assert_int_eq(read_state(&read), -1);
	ck_assert_str_eq(read.err.msg, "there is no package database");
	ck_assert_int_eq(rpm_detect(read.opened.tree, &read.err), 0);
}
END_TEST

START_TEST(says_which_database_is_damaged)
{
	CLEANUP_READ struct read read = {0};

	put_file("root/var/lib/rpm/Packages", "");
	ck_assert_int_eq(read_state(&read), -1);
	ck_assert_int_eq(read.err.kind, ERROR_IMAGE);
	ck_assert_str_eq(read.err.msg,
			 "the package database /var/lib/rpm/Packages cannot be relied on (start "
			 "the guest, mend it with rpmdb --rebuilddb, shut it down): it is empty");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpm location");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, images_setup, images_teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, follows_links_between_places);
	tcase_add_test(tcase, refuses_two_databases);
	tcase_add_loop_test(tcase, believes_plain_macros, 0, N(macros));
	tcase_add_test(tcase, refuses_a_journal);
	tcase_add_test(tcase, knows_where_there_is_none);
	tcase_add_test(tcase, says_which_database_is_damaged);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
