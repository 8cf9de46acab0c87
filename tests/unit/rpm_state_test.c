/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of an RPM guest for planning. */
#include "package/ownership.h"
#include "rpm_guest.h"
#include "suite.h"

START_TEST(reads_a_guest)
{
	CLEANUP_READ struct read read = {0};
	const struct guest_packages *packages;

	put_database("var/lib/rpm", plain);
	put_file("root/etc/yum.conf", "[main]\nexclude=bash\n");
	put_file("root/etc/yum/pluginconf.d/versionlock.list", "0:tzdata-2018e-3.el7.*\n");
	put_file("root/etc/yum/protected.d/x.conf", "vim\n");
	put_file("root/var/lib/rpm/.rpm.lock", "");
	ck_assert_msg(read_state(&read) == 0, "%s", read.err.msg);
	packages = &read.opened.guest->packages;
	ck_assert_str_eq(packages->family, "rpm");
	ck_assert_str_eq(packages->architecture, "x86_64");
	ck_assert_uint_eq(packages->n_foreign_architectures, 1);
	ck_assert_str_eq(packages->foreign_architectures[0], "i686");
	ck_assert_uint_eq(packages->n_installed, 8);
	ck_assert_str_eq(packages->installed[1].name, "bind-license");
	ck_assert_str_eq(packages->installed[1].version, "32:9.9.4-61.el7");
	ck_assert_str_eq(packages->installed[4].version, "3.10.0-957.el7");
	ck_assert_str_eq(packages->installed[5].version, "3.10.0-1160.el7");
	ck_assert_uint_eq(packages->n_broken, 0);
	ck_assert_uint_eq(packages->n_held, 2);
	ck_assert_str_eq(packages->held[0], "bash:x86_64");
	ck_assert_str_eq(packages->held[1], "tzdata:noarch");
	ck_assert_uint_eq(read.opened.guest->n_blockers, 0);
	ck_assert_str_eq(database_line(&read), "sqlite /var/lib/rpm\n");
	ck_assert_ptr_nonnull(package_state_file(&read.state, "/etc/yum/protected.d/x.conf"));
	ck_assert_ptr_null(package_state_file(&read.state, "/etc/dnf/dnf.conf"));
}
END_TEST

/* Of repositories only the excludes: neither where they are, nor what opens them. */
START_TEST(keeps_what_repositories_exclude)
{
	CLEANUP_READ struct read read = {0};
	const struct buffer *kept;

	put_database("var/lib/rpm", plain);
	put_file("root/etc/yum.repos.d/a.repo",
		 "[main]\nexclude=no\n[one]\nbaseurl=https://user:secret@host/\npassword=secret\n"
		 "exclude = bash, vim*\n  less\nenabled=1\n[two]\nexcludepkgs=no\nenabled=0\n"
		 "[three]\nexclude=no\nexclude=\n[four]\nincludepkgs=php*\n");
	put_file("root/etc/yum.repos.d/b.repo", "[other]\nname=Other\nbaseurl=https://host/\n");
	put_directory("root/etc/yum.repos.d/c.repo");
	ck_assert_msg(read_state(&read) == 0, "%s", read.err.msg);
	kept = package_state_file(&read.state, "/etc/yum.repos.d/a.repo");
	ck_assert_ptr_nonnull(kept);
	ck_assert_str_eq(kept->data, "[one]\nexclude= bash vim* less\n[four]\nincludepkgs= php*\n");
	ck_assert_ptr_null(package_state_file(&read.state, "/etc/yum.repos.d/b.repo"));
	ck_assert_uint_eq(read.opened.guest->packages.n_held, 1);
	ck_assert_str_eq(read.opened.guest->packages.held[0], "bash:x86_64");
	ck_assert_uint_eq(read.opened.guest->n_blockers, 0);
	ck_assert_str_eq(read.opened.guest->notes[read.opened.guest->n_notes - 1],
			 "[four] of /etc/yum.repos.d/a.repo has includepkgs, which is not applied: "
			 "what else is there may come, unless the mirror's configuration leaves it "
			 "out");
}
END_TEST

/* A state does not show when, and in which order, packages were installed. */
START_TEST(equal_guests_have_equal_states)
{
	struct package turned[sizeof plain / sizeof *plain] = {0};
	size_t n = sizeof plain / sizeof *plain - 1;
	CLEANUP_READ struct read one = {0}, other = {0};

	put_database("var/lib/rpm", plain);
	ck_assert_msg(read_state(&one) == 0, "%s", one.err.msg);
	for (size_t i = 0; i < n; i++) {
		turned[i] = plain[n - 1 - i];
		turned[i].install_time += 1000;
	}
	run_tool(NULL, "rm", "-r", in_work("root"), NULL);
	put_database("var/lib/rpm", turned);
	ck_assert_msg(read_state(&other) == 0, "%s", other.err.msg);
	ck_assert(digest_equal(&one.opened.guest->packages.state,
			       &other.opened.guest->packages.state));
}
END_TEST

START_TEST(finds_duplicates)
{
	const struct package packages[] = {plain[0],
					   plain[1],
					   {"bash", "4.2.46-34.el7", "x86_64", NULL, 1},
					   {NULL, NULL, NULL, NULL, 0}};
	CLEANUP_READ struct read read = {0};

	put_database("var/lib/rpm", packages);
	ck_assert_msg(read_state(&read) == 0, "%s", read.err.msg);
	ck_assert_uint_eq(read.opened.guest->packages.n_broken, 1);
	ck_assert_str_eq(read.opened.guest->packages.broken[0],
			 "bash:x86_64 installed as 4.2.46-31.el7 and as 4.2.46-34.el7");
	ck_assert_str_eq(read.opened.guest->blockers[0].code, "half-configured");
	ck_assert_ptr_nonnull(strstr(read.opened.guest->blockers[0].msg,
				     "an update was interrupted; start the guest and finish it "
				     "(yum-complete-transaction, or "
				     "dnf remove --duplicates), or, if both are meant, name the "
				     "package in its installonlypkgs"));
}
END_TEST

START_TEST(finds_an_interrupted_yum)
{
	CLEANUP_READ struct read read = {0};

	put_database("var/lib/rpm", plain);
	put_file("root/var/lib/yum/transaction-all.2020-01-01.00:00.00.disabled", "");
	put_file("root/var/lib/yum/transaction-all.2020-02-02.00:00.00", "");
	ck_assert_msg(read_state(&read) == 0, "%s", read.err.msg);
	ck_assert_uint_eq(read.opened.guest->n_blockers, 1);
	ck_assert_str_eq(read.opened.guest->blockers[0].code, "half-configured");
	ck_assert_ptr_nonnull(
		strstr(read.opened.guest->blockers[0].msg,
		       "yum was interrupted "
		       "(/var/lib/yum/transaction-all.2020-02-02.00:00.00 is there)"));
}
END_TEST

START_TEST(refuses_image_based_guests)
{
	CLEANUP_READ struct read read = {0};

	put_database("usr/share/rpm", plain);
	put_directory("root/sysroot/ostree");
	ck_assert_msg(read_state(&read) == 0, "%s", read.err.msg);
	ck_assert_str_eq(read.opened.guest->blockers[0].code, "image-based");
	ck_assert_ptr_nonnull(strstr(read.opened.guest->blockers[0].msg, "/sysroot/ostree"));
}
END_TEST

static const struct {
	const char *file, *text, *what; /* NULL: it is understood */
} locks[] = {
	{"root/etc/zypp/locks", "\ntype: package\nmatch_type: regex\nsolvable_name: ^ba\n",
	 "/etc/zypp/locks: a lock by a regular expression"},
	{"root/etc/zypp/locks", "query_string: ba\nmatch_type: glob\n",
	 "/etc/zypp/locks: a lock that is not by the name of packages"},
	{"root/etc/zypp/locks", "\n\ntype: patch\nmatch_type: regex\nsolvable_name: ^ba\n", NULL},
	{"root/etc/dnf/versionlock.toml", "version = \"1.0\"\npackages = [ { name = \"bash\" } ]\n",
	 "/etc/dnf/versionlock.toml: packages = [ { name = \"bash\" } ]"},
	{"root/etc/dnf/versionlock.toml",
	 "version = \"1.0\"\n\n[[packages]] # one\nname = \"bash\"\ncomment = \"x\"\n"
	 "conditions = [\n  { key = \"evr\", comparator = \"=\", value = \"1\" },\n]\n"
	 "[[packages]]\nname='vim'\n[[packages.conditions]]\nkey = \"evr\"\n"
	 "comparator = \"<\"\nvalue = \"3\"\n",
	 NULL},
	{"root/etc/dnf/plugins/versionlock.conf", "[main]\nenabled = 1\nlocklist = /etc/my.list\n",
	 "/etc/dnf/plugins/versionlock.conf: the list of locks is another file than usual"},
	{"root/etc/dnf/plugins/versionlock.conf", "[main]\nenabled = 0\nlocklist = /etc/my.list\n",
	 NULL},
	{"root/etc/yum/pluginconf.d/versionlock.conf",
	 "[main]\nenabled=1\nlocklist=/etc/yum/pluginconf.d/versionlock.list\n", NULL},
};

/* A guest with a lock that might be overlooked is not patched. */
START_TEST(refuses_locks_that_it_does_not_understand)
{
	CLEANUP_READ struct read read = {0};
	const struct guest *guest;

	put_database("var/lib/rpm", plain);
	put_file(locks[_i].file, locks[_i].text);
	ck_assert_msg(read_state(&read) == 0, "%s", read.err.msg);
	guest = read.opened.guest;
	ck_assert_uint_eq(guest->n_blockers, locks[_i].what ? 1 : 0);
	if (!locks[_i].what)
		return;
	ck_assert_str_eq(guest->blockers[0].code, "lock-not-understood");
	ck_assert_msg(strstr(guest->blockers[0].msg, locks[_i].what) != NULL, "%s",
		      guest->blockers[0].msg);
}
END_TEST

static const struct {
	struct package package;
	const char *message;
} odd[] = {
	{{"a b", "1-1", "x86_64", NULL, 0}, "\"a b\" \"1-1\" \"x86_64\" is no package"},
	{{"a", "1/-1", "x86_64", NULL, 0}, "\"a\" \"1/-1\" \"x86_64\" is no package"},
	{{"a", "1-1", NULL, NULL, 0}, "\"a\" \"1-1\" \"\" is no package"},
};

START_TEST(refuses_odd_names)
{
	const struct package packages[] = {plain[0], odd[_i].package, {NULL, NULL, NULL, NULL, 0}};
	CLEANUP_READ struct read read = {0};

	put_database("var/lib/rpm", packages);
	ck_assert_int_eq(read_state(&read), -1);
	ck_assert_int_eq(read.err.kind, ERROR_IMAGE);
	ck_assert_str_eq(read.err.msg, odd[_i].message);
}
END_TEST

START_TEST(needs_an_architecture)
{
	const struct package packages[] = {plain[4], {NULL, NULL, NULL, NULL, 0}};
	CLEANUP_READ struct read read = {0};

	put_database("var/lib/rpm", packages);
	ck_assert_int_eq(read_state(&read), -1);
	ck_assert_ptr_nonnull(strstr(read.err.msg, "cannot tell the guest's architecture"));
}
END_TEST

START_TEST(limits_architectures)
{
	enum { N = 18 };
	struct package packages[N + 1] = {plain[0]};
	CLEANUP_READ struct read read = {0};

	for (int i = 1; i < N; i++)
		packages[i] = (struct package){"lib", "1-1", xasprintf("arch%d", i), NULL, 1};
	put_database("var/lib/rpm", packages);
	ck_assert_int_eq(read_state(&read), -1);
	ck_assert_int_eq(read.err.kind, ERROR_IMAGE);
	ck_assert_ptr_nonnull(
		strstr(read.err.msg, "packages of more than 16 architectures are installed"));
}
END_TEST

/* The same one over and over. */
#define MANY                                                                                       \
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "            \
	"INSERT INTO Packages (blob) SELECT p.blob FROM n, (SELECT blob FROM Packages) p; "        \
	"INSERT INTO Name SELECT 'x', hnum, 0 FROM Packages WHERE hnum > 1"

static const struct {
	int n;
	const char *message; /* NULL: it is read, and soon */
} counts[] = {{99999, NULL}, {100000, "it holds more than 100000 packages"}};

START_TEST(limits_packages)
{
	const struct package packages[] = {plain[0], {NULL, NULL, NULL, NULL, 0}};
	CLEANUP_READ struct read read = {0};
	CLEANUP_FREE char *path = in_work("root/var/lib/rpm/rpmdb.sqlite");
	CLEANUP_FREE char *sql = xasprintf(MANY, counts[_i].n);
	sqlite3 *db = NULL;

	put_database("var/lib/rpm", packages);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	execute(db, sql);
	sqlite3_close(db);
	if (!counts[_i].message) {
		ck_assert_msg(read_state(&read) == 0, "%s", read.err.msg);
		ck_assert_uint_eq(read.opened.guest->packages.n_broken, 99999);
		return;
	}
	ck_assert_int_eq(read_state(&read), -1);
	ck_assert_int_eq(read.err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(read.err.msg, counts[_i].message) != NULL, "%s", read.err.msg);
}
END_TEST

START_TEST(owns_what_lies_there)
{
	struct package_change bash = {.name = (char *)"bash", .architecture = (char *)"x86_64"};
	CLEANUP_READ struct read read = {0};
	CLEANUP(ownership_free)
	struct ownership *ownership = NULL;

	put_database("var/lib/rpm", plain);
	open_tree(&read);
	ownership = ownership_read(&rpm_family, read.opened.tree, &read.err);
	ck_assert_msg(ownership != NULL, "%s", read.err.msg);
	ck_assert(ownership_has(ownership, "/usr/bin/tool"));
	ck_assert(ownership_has_below(ownership, "/usr/bin"));
	ck_assert(!ownership_has_below(ownership, "/usr/bin/tool"));
	ck_assert(!ownership_has_below(ownership, "/usr/bi"));
	ck_assert(!ownership_has_below(ownership, "/zzz"));
	ck_assert(ownership_of(ownership, &bash, "/etc/tool.conf"));
	ck_assert(!ownership_has(ownership, "/usr/bin/left-out"));
}
END_TEST

#define N(array) (sizeof(array) / sizeof *(array))

int main(void)
{
	Suite *suite = suite_create("rpm_state");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, images_setup, images_teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, reads_a_guest);
	tcase_add_test(tcase, keeps_what_repositories_exclude);
	tcase_add_test(tcase, equal_guests_have_equal_states);
	tcase_add_test(tcase, finds_duplicates);
	tcase_add_test(tcase, finds_an_interrupted_yum);
	tcase_add_test(tcase, refuses_image_based_guests);
	tcase_add_loop_test(tcase, refuses_locks_that_it_does_not_understand, 0, N(locks));
	tcase_add_loop_test(tcase, refuses_odd_names, 0, N(odd));
	tcase_add_test(tcase, needs_an_architecture);
	tcase_add_test(tcase, limits_architectures);
	tcase_add_loop_test(tcase, limits_packages, 0, N(counts));
	tcase_add_test(tcase, owns_what_lies_there);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
