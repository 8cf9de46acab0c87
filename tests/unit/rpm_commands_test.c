/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "package/rpm/rpm.h"
#include "suite.h"

#define NAME(n, a) .name = (char *)(n), .architecture = (char *)(a)
#define FROM(evr)  .from = (char *)(evr)
#define TO(evr)	   .to = (char *)(evr)

static const struct package_change changes[] = {
	{NAME("bash", "x86_64"), FROM("5.1-1"), TO("5.1-2")},
	{NAME("dbus", "x86_64"), FROM("1:1.10-1"), TO("1:1.12-1")},
	{NAME("kernel-core", "x86_64"), FROM("5.14.0-1")},
	{NAME("kernel-core", "x86_64"), TO("5.14.0-9")},
	{NAME("newlib", "noarch"), TO("1-1")},
	{NAME("old", "noarch"), FROM("3:1-1")},
	{NAME("obsoleted", "noarch"), FROM("1-1")},
};

static bool without_documents;

static char *commands_of(const struct package_step *steps, size_t n_steps)
{
	struct resolution resolution = {.n_changes = sizeof changes / sizeof *changes,
					.n_steps = n_steps,
					.without_documents = without_documents};
	struct package_commands commands = {0};
	struct buffer text = {0};
	struct error err = {0};

	resolution.changes = xmemdup(changes, sizeof changes);
	resolution.steps = xmemdup(steps, n_steps * sizeof *steps);
	if (rpm_commands(&resolution, "/p", 3, &commands, &err) < 0)
		buffer_printf(&text, "%s", err.msg);
	for (size_t i = 0; i < commands.n_items; i++) {
		const struct package_command *command = &commands.items[i];

		buffer_printf(&text, "%s %zu%s%s%s%s:", command->stage, command->n_packages,
			      command->unpacks ? " unpacks" : "",
			      command->removes ? " removes" : "",
			      command->sets_mount_points ? " sets" : "",
			      command->status_in_output ? "" : " silent");
		for (char **word = command->argv; *word; word++)
			buffer_printf(&text, " %s", *word);
		buffer_putc(&text, '\n');
	}
	package_commands_free(&commands);
	free(resolution.changes);
	free(resolution.steps);
	return buffer_steal(&text);
}

#define ck_commands(expected, ...)                                                                 \
	do {                                                                                       \
		const struct package_step steps_[] = {__VA_ARGS__};                                \
		CLEANUP_FREE char *text_ = commands_of(steps_, sizeof steps_ / sizeof *steps_);    \
		ck_assert_str_eq(text_, expected);                                                 \
	} while (0)

START_TEST(upgrades_are_one_transaction)
{
	ck_commands("upgrade 5 unpacks sets: rpm -Uv --nosignature /p/dbus_1%3a1.12-1_x86_64.rpm "
		    "/p/newlib_1-1_noarch.rpm /p/bash_5.1-2_x86_64.rpm\n",
		    {PACKAGE_UNPACK, 1}, {PACKAGE_UNPACK, 4}, {PACKAGE_UNPACK, 0});
}
END_TEST

START_TEST(kernels_are_installed_beside_the_old_ones)
{
	ck_commands("upgrade 2 unpacks sets: rpm -Uv --nosignature /p/bash_5.1-2_x86_64.rpm\n"
		    "install 1 sets: rpm -iv --nosignature /p/kernel-core_5.14.0-9_x86_64.rpm\n"
		    "remove 1 removes: rpm -ev --nodeps kernel-core-5.14.0-1.x86_64\n",
		    {PACKAGE_INSTALL_BESIDE, 3}, {PACKAGE_UNPACK, 0}, {PACKAGE_REMOVE, 2});
}
END_TEST

START_TEST(documents_may_be_left_out)
{
	static struct package_step steps[] = {{PACKAGE_REMOVE, 5}, {PACKAGE_UNPACK, 0}};
	CLEANUP_FREE char *text = NULL;

	without_documents = true;
	text = commands_of(steps, 2);
	without_documents = false;
	ck_assert_str_eq(text, "remove 1 removes: rpm -ev --nodeps old-1-1.noarch\n"
			       "upgrade 2 unpacks sets: rpm -Uv --nosignature --excludedocs "
			       "/p/bash_5.1-2_x86_64.rpm\n");
}
END_TEST

START_TEST(what_is_in_the_way_goes_first)
{
	ck_commands("remove 1 removes: rpm -ev --nodeps old-1-1.noarch\n"
		    "upgrade 2 unpacks sets: rpm -Uv --nosignature /p/bash_5.1-2_x86_64.rpm\n",
		    {PACKAGE_REMOVE, 5}, {PACKAGE_UNPACK, 0});
}
END_TEST

START_TEST(a_plan_of_another_family_is_refused)
{
	ck_commands("plan: step 1 (bash) is not one that rpm could do", {PACKAGE_UNPACK, 0},
		    {PACKAGE_CONFIGURE, 0});
	ck_commands("plan: step 0 (old) is not one that rpm could do", {PACKAGE_UNPACK, 5});
	ck_commands("plan: step 0 (newlib) is not one that rpm could do", {PACKAGE_REMOVE, 4});
}
END_TEST

START_TEST(changes_need_steps)
{
	CLEANUP_FREE char *text = commands_of(NULL, 0);

	ck_assert_str_eq(text, "plan: there are changes, but no steps");
}
END_TEST

static const struct {
	const char *line, *package, *message;
	bool warning;
} lines[] = {
	{"Preparing packages...", NULL, NULL, false},
	{"glibc-2.17-324.el7_9.x86_64", "glibc-2.17-324.el7_9.x86_64", NULL, false},
	{"java-1.8.0-openjdk-1:1.8.0.352-1.x86_64", "java-1.8.0-openjdk-1:1.8.0.352-1.x86_64", NULL,
	 false},
	{"a-1-1:2-1.noarch", "a-1-1:2-1.noarch", NULL, false},
	{"a-b-1:2.noarch", NULL, NULL, false},
	{"a-1:2:3-1.noarch", NULL, NULL, false},
	{"a-:2-1.noarch", NULL, NULL, false},
	{"a-1.0:2-1.noarch", NULL, NULL, false},
	{"1:a-2-1.noarch", NULL, NULL, false},
	{"two-words-1.x86_64 here", NULL, NULL, false},
	{"a-b.c", NULL, NULL, false},
	{"error: %pre(victim-2.0-1.noarch) scriptlet failed, exit status 1", "victim-2.0-1.noarch",
	 "%pre scriptlet failed, exit status 1", false},
	{"error: %triggerin(a-1-1.noarch) scriptlet failed, signal 9", "a-1-1.noarch",
	 "%triggerin scriptlet failed, signal 9", false},
	{"warning: %posttrans(victim-2.0-1.noarch) scriptlet failed, exit status 4",
	 "victim-2.0-1.noarch", "%posttrans scriptlet failed, exit status 4", true},
	{"warning: /etc/a created as /etc/a.rpmnew", NULL, NULL, false},
	{"error: victim-2.0-1.noarch: install failed", "victim-2.0-1.noarch", "install failed",
	 false},
	{"error: victim-3:2.0-1.noarch: install failed", "victim-3:2.0-1.noarch", "install failed",
	 false},
	{"error: %pre(victim-3:2.0-1.noarch) scriptlet failed, exit status 1",
	 "victim-3:2.0-1.noarch", "%pre scriptlet failed, exit status 1", false},
	{"error: unpacking of archive failed on file /x: cpio: chown failed - Operation not "
	 "permitted",
	 NULL,
	 "unpacking of archive failed on file /x: cpio: chown failed - Operation not permitted",
	 false},
	{"error: lua script failed: [string \"%pretrans(victim-2.0-1.noarch)\"]:1: no", NULL,
	 "lua script failed: [string \"%pretrans(victim-2.0-1.noarch)\"]:1: no", false},
	{"error: lua script failed: [string \"%post(victim-2.0-1.noarch)\"]:1: no",
	 "victim-2.0-1.noarch", "%post Lua script failed: 1: no", true},
	{"error: lua script failed: [string \"%transfiletriggerin(a-1-1.noarch)\"]:",
	 "a-1-1.noarch", "%transfiletriggerin Lua script failed: ", true},
	{"error: lua script failed: [string \"%post(\"]:1: no", NULL, NULL, false},
	{"error: lua script failed: [string \"(a-1-1.noarch)\"]:1: no", NULL, NULL, false},
	{"error: Failed dependencies:", NULL, NULL, false},
	{"error: of a script: its own words", NULL, NULL, false},
	{"error: %pre(", NULL, NULL, false},
	{"error: %pre(a-1-1.noarch) was fine", NULL, NULL, false},
	{"\tlibssl.so.10()(64bit) is needed by (installed) openssl-1.0.2k-16.el7.x86_64",
	 "openssl-1.0.2k-16.el7.x86_64", "libssl.so.10()(64bit) is needed", false},
	{"\tb >= 2 is needed by a-1-1.noarch", "a-1-1.noarch", "b >= 2 is needed", false},
	{"\tfile /etc/x from install of a-2-1.noarch conflicts with file from package b-1-1.noarch",
	 "b-1-1.noarch", "file /etc/x from install of a-2-1.noarch conflicts with file", false},
	{"\tinstalling package a-2-1.noarch needs 5MB on the / filesystem", "a-2-1.noarch",
	 "needs 5MB on the / filesystem", false},
	{"\tpackage a-2-1.noarch is already installed", "a-2-1.noarch", "is already installed",
	 false},
	{"\ta < 2 conflicts with b-1-1.noarch", "a < 2", "conflicts with b-1-1.noarch", false},
	{"\tindented by a script", NULL, NULL, false},
	{"", NULL, NULL, false},
};

static void ck_text(const char *got, const char *expected, const char *line)
{
	if (expected && got)
		ck_assert_str_eq(got, expected);
	else
		ck_assert_msg(!got && !expected, "%s: %s, not %s", line, got ? got : "nothing",
			      expected ? expected : "nothing");
}

START_TEST(a_line_of_rpm_says)
{
	CLEANUP_FREE char *line = xstrdup(lines[_i].line);
	struct package_event event;

	rpm_read_status(line, &event);
	ck_text(event.package, lines[_i].package, lines[_i].line);
	ck_text(event.message, lines[_i].message, lines[_i].line);
	ck_assert_int_eq(event.warning, lines[_i].warning);
}
END_TEST

START_TEST(roles_by_name)
{
	ck_assert(package_has_role(&rpm_family, "kernel-core", PACKAGE_KERNEL));
	ck_assert(package_has_role(&rpm_family, "kernel6.12", PACKAGE_KERNEL));
	ck_assert(!package_has_role(&rpm_family, "kernel-headers", PACKAGE_KERNEL));
	ck_assert(!package_has_role(&rpm_family, "kernel-modules", PACKAGE_KERNEL));
	ck_assert(package_has_role(&rpm_family, "grub2-pc", PACKAGE_BOOT_LOADER));
	ck_assert(package_has_role(&rpm_family, "shim-x64", PACKAGE_BOOT_LOADER));
	ck_assert(package_has_role(&rpm_family, "mariadb-server", PACKAGE_DATABASE_SERVER));
	ck_assert(package_has_role(&rpm_family, "postgresql-server", PACKAGE_DATABASE_SERVER));
	ck_assert(!package_has_role(&rpm_family, "postgresql", PACKAGE_DATABASE_SERVER));
	ck_assert(package_has_role(&rpm_family, "glibc", PACKAGE_C_LIBRARY));
	ck_assert(!package_has_role(&rpm_family, "bash", PACKAGE_C_LIBRARY));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpm commands");
	TCase *tcase = tcase_create("commands");

	tcase_add_test(tcase, upgrades_are_one_transaction);
	tcase_add_test(tcase, kernels_are_installed_beside_the_old_ones);
	tcase_add_test(tcase, documents_may_be_left_out);
	tcase_add_test(tcase, what_is_in_the_way_goes_first);
	tcase_add_test(tcase, a_plan_of_another_family_is_refused);
	tcase_add_test(tcase, changes_need_steps);
	tcase_add_loop_test(tcase, a_line_of_rpm_says, 0, sizeof lines / sizeof *lines);
	tcase_add_test(tcase, roles_by_name);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
