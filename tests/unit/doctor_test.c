/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/memory.h"
#include "session/doctor.h"
#include "suite.h"

static json_t *result;

struct judgement {
	const char *name, *cost, *action;
};

static void run(const char *scratch)
{
	const struct doctor_request request = {.scratch = scratch, .store = "/proc/none"};

	json_decref(result);
	result = doctor_run(&request);
}

static void setup(void)
{
	run("/tmp/not-yet/there");
}

static void teardown(void)
{
	json_decref(result);
}

static const json_t *find(const char *name)
{
	const json_t *check;
	size_t i;

	json_array_foreach(json_object_get(result, "checks"), i,
			   check) if (strcmp(json_string_value(json_object_get(check, "name")),
					     name) == 0) return check;
	ck_abort_msg("no check %s", name);
}

static const char *member(const char *check, const char *name)
{
	return json_string_value(json_object_get(find(check), name));
}

static bool is_ok(const char *check)
{
	return strcmp(member(check, "state"), "ok") == 0;
}

static void judged(const struct judgement *expected, const char *state)
{
	ck_assert_msg(strcmp(member(expected->name, "state"), state) == 0, "%s: %s, found %s",
		      expected->name, member(expected->name, "state"),
		      member(expected->name, "found"));
	ck_assert_str_eq(member(expected->name, "cost"), expected->cost);
	ck_assert_str_eq(member(expected->name, "action"), expected->action);
}

/* What is not ok says what that costs and what to do; what is ok does not. */
START_TEST(every_check_is_complete)
{
	const json_t *check;
	size_t i;

	json_array_foreach(json_object_get(result, "checks"), i, check)
	{
		bool ok = strcmp(json_string_value(json_object_get(check, "state")), "ok") == 0;

		ck_assert_uint_gt(strlen(json_string_value(json_object_get(check, "found"))), 0);
		ck_assert_int_eq(json_is_null(json_object_get(check, "cost")), ok);
		ck_assert_int_eq(json_is_null(json_object_get(check, "action")), ok);
	}
	ck_assert_uint_ge(i, 14);
}
END_TEST

START_TEST(directories_are_judged_where_they_will_be)
{
	ck_assert_ptr_nonnull(strstr(member("scratch", "found"), "/tmp/not-yet/there: "));
	ck_assert_str_eq(member("store", "state"), "warn"); /* no room in /proc */
	ck_assert_ptr_nonnull(strstr(member("store", "found"), "0 GiB free, reflinks: no"));
	judged(&(struct judgement){"store", "mirror snapshots and layers soon find no room",
				   "make room, or set store: to a larger disk"},
	       "warn");
	run("/proc/none");
	judged(&(struct judgement){"scratch", "a larger guest does not fit: the sandbox copies it",
				   "make room, or set scratch: to a larger disk"},
	       "warn");
}
END_TEST

/* Where it is so. */
START_TEST(what_is_ok_is_told)
{
	static const char *const found[][2] = {
		{"kvm", "a kernel boots under it"},
		{"appliance", "its parts are installed"},
		{"namespaces", "user, mount, PID and network namespaces can be made"},
		{"confinement", "workers are confined in files, calls, network, privileges"},
		{"loop", "/dev/loop-control can be opened"},
	};

	for (size_t i = 0; i < sizeof found / sizeof *found; i++)
		if (is_ok(found[i][0]))
			ck_assert_str_eq(member(found[i][0], "found"), found[i][1]);
	if (geteuid() == 0)
		ck_assert_str_eq(member("subuid", "found"),
				 "root needs none: it maps ranges by itself");
	if (is_ok("clock"))
		ck_assert_ptr_nonnull(strstr(member("clock", "found"), " UTC, synchronised"));
	else
		judged(&(struct judgement){"clock", "a wrong clock misjudges ages of mirrors",
					   "run a time service, or compare the clock by hand"},
		       "warn");
}
END_TEST

START_TEST(tools_that_are_missing)
{
	static const struct judgement missing[] = {
		{"qemu-nbd", "no image can be read or written", "apt-get install qemu-utils"},
		{"qemu-img", "no overlay can be made or checked", "apt-get install qemu-utils"},
		{"gpgv", "no mirror can be verified", "apt-get install gpgv"},
		{"e2fsck", "no guest file system can be checked", "apt-get install e2fsprogs"},
	};
	static const struct judgement lacking[] = {
		{"qemu-system", "no appliance and no boot test", "apt-get install qemu-system-x86"},
		{"mke2fs", "no run in the appliance", "apt-get install e2fsprogs"},
	};

	setenv("PATH", "/nonexistent", 1);
	run("/tmp");
	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		judged(&missing[i], "missing");
	for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++)
		judged(&lacking[i], "warn");
}
END_TEST

/* In a process of its own, which Check makes for each test. */
START_TEST(what_a_user_lacks)
{
	static const struct judgement lacking[] = {
		{"subuid", "executor sandbox cannot be used by this user",
		 "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"},
		{"confinement", "what takes over a worker by a hostile image gets further",
		 "run as root, on a kernel with Landlock (lsm=landlock,...) and seccomp"},
		{"cgroups",
		 "guest code in the sandbox may take all of the host's, until its deadline",
		 "run as root on a host with control groups, version 2"},
		{"loop", "only for developers: tests that mount images are skipped",
		 "modprobe loop"},
	};

	if (geteuid() != 0)
		return;
	ck_assert(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
	run("/tmp");
	for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++)
		judged(&lacking[i], "warn");
	ck_assert_str_eq(member("subuid", "found"),
			 "the user has no range of 65536 ids in /etc/subuid");
	ck_assert_ptr_nonnull(
		strstr(member("confinement", "found"), "workers have to do without "));
	if (!is_ok("kvm"))
		judged(
			&(struct judgement){
				"kvm",
				"executor auto uses the sandbox, for trusted images only; an "
				"appliance is emulated, 20 times slower and no boundary",
				"use a host with hardware virtualisation, and give the user access "
				"to /dev/kvm"},
			"warn");
}
END_TEST

START_TEST(where_there_is_no_appliance)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("none", "/usr/bin", "tmpfs", 0, NULL), 0);
	run("/tmp");
	judged(&(struct judgement){"appliance", "executor appliance cannot be used",
				   "apt-get install libguestfs0 supermin qemu-system-x86"},
	       "warn");
	ck_assert_ptr_nonnull(strstr(member("appliance", "found"), " is missing: install "));
}
END_TEST

/* They nest 32 deep. */
START_TEST(where_there_are_no_namespaces)
{
	while (unshare(CLONE_NEWUSER) == 0)
		continue;
	run("/tmp");
	ck_assert_str_eq(member("namespaces", "found"), "user namespaces cannot be made");
	judged(
		&(struct judgement){
			"namespaces", "executor sandbox cannot be used",
			"sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=1000"},
		"warn");
}
END_TEST

START_TEST(tools_tell_their_version)
{
	ck_assert_ptr_nonnull(strstr(member("qemu-nbd", "found"), "qemu-nbd "));
	ck_assert_ptr_nonnull(strstr(member("e2fsck", "found"), "e2fsck "));
	ck_assert_ptr_nonnull(strstr(member("gpgv", "found"), "gpgv "));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("doctor");
	TCase *tcase = tcase_create("host");

	tcase_set_timeout(tcase, 120);
	tcase_add_unchecked_fixture(tcase, setup, teardown); /* once: it takes a while */
	tcase_add_test(tcase, every_check_is_complete);
	tcase_add_test(tcase, directories_are_judged_where_they_will_be);
	tcase_add_test(tcase, what_is_ok_is_told);
	tcase_add_test(tcase, tools_tell_their_version);
	tcase_add_test(tcase, tools_that_are_missing);
	tcase_add_test(tcase, what_a_user_lacks);
	tcase_add_test(tcase, where_there_is_no_appliance);
	tcase_add_test(tcase, where_there_are_no_namespaces);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
