/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "package/rpm/rpm.h"
#include "run/job.h"
#include "run/report.h"
#include "suite.h"

static int outcome_of(const char *text, struct error *err)
{
	struct run_result result = {0};
	struct report report = {.result = &result,
				.manager = package_manager_of(package_family_by_name("deb"))};
	int outcome = report_read(&report, text, strlen(text), err);

	if (outcome == 0)
		outcome = report_outcome(&report, "/runs/1/log", 20, err);
	report_free(&report);
	run_result_free(&result);
	return outcome;
}

#define END(outcome, message)                                                                      \
	"{\"event\":\"end\",\"outcome\":\"" outcome "\",\"message\":\"" message "\"}\n"

#define STATUS(line)                                                                               \
	"{\"event\":\"status\",\"stage\":\"unpack\",\"total\":2,\"line\":\"" line "\"}\n"

START_TEST(success_is_said)
{
	struct error err = {0};

	ck_assert_int_eq(outcome_of(END("done", ""), &err), 0);
}
END_TEST

START_TEST(failure_names_stage_status_package_and_log)
{
	struct error err = {0};

	ck_assert_int_eq(outcome_of(STATUS("status: nginx : error : postinst failed")
					    END("failed", "configure: dpkg: exit status 1"),
				    &err),
			 -1);
	ck_assert_int_eq(err.kind, ERROR_GUEST);
	ck_assert_str_eq(err.msg, "configure: dpkg: exit status 1: package nginx: postinst failed; "
				  "see /runs/1/log");
}
END_TEST

/* What ends the package manager as a whole counts where no package is said to have failed. */
#define GENERAL                                                                                    \
	STATUS("dpkg: error: of a script")                                                         \
	STATUS(" not its own")                                                                     \
	STATUS("dpkg: unrecoverable fatal error, aborting:")                                       \
	STATUS(" unknown system user") STATUS(" more")

START_TEST(failure_in_general)
{
	struct error err = {0};

	ck_assert_int_eq(outcome_of(GENERAL END("failed", "unpack: dpkg: exit status 2"), &err),
			 -1);
	ck_assert_str_eq(err.msg, "unpack: dpkg: exit status 2: unrecoverable fatal error, "
				  "aborting: unknown system user; see /runs/1/log");
	ck_assert_int_eq(outcome_of(GENERAL STATUS("status: a : error : x")
					    END("failed", "unpack: dpkg: exit status 1"),
				    &err),
			 -1);
	ck_assert_str_eq(err.msg, "unpack: dpkg: exit status 1: package a: x; see /runs/1/log");
	ck_assert_int_eq(outcome_of(STATUS(" of nothing") END("failed", "x"), &err), -1);
	ck_assert_str_eq(err.msg, "x; see /runs/1/log");
}
END_TEST

START_TEST(failure_without_a_package)
{
	struct error err = {0};

	ck_assert_int_eq(outcome_of(END("failed", "finish: x: exit status 3"), &err), -1);
	ck_assert_str_eq(err.msg, "finish: x: exit status 3; see /runs/1/log");
}
END_TEST

static const char *const refusals[] = {
	"error creating device './dev/x': Operation not permitted",
	"error creating device './dev/x': Invalid argument",
	"error setting ownership of './x': Invalid argument",
	"unpacking of archive failed on file /x;6b0d3968: cpio: mknod failed - No such file or "
	"directory",
	"unpacking of archive failed on file /x;6b0d3968: cpio: chown failed - Invalid argument",
	"unpacking of archive failed on file /x;6b0d3968: cpio: lchown failed - Invalid argument",
};

START_TEST(what_a_namespace_refuses_names_the_appliance)
{
	CLEANUP_FREE char *lines = xasprintf(
		STATUS("status: makedev : error : %s") END("failed", "unpack"), refusals[_i]);
	struct error err = {0};

	ck_assert_int_eq(outcome_of(lines, &err), -1);
	ck_assert_msg(strstr(err.msg, "need --executor appliance") != NULL, "%s", err.msg);
}
END_TEST

START_TEST(what_any_machine_refuses_does_not)
{
	struct error err = {0};

	ck_assert_int_eq(outcome_of(STATUS("status: x : error : cpio: rename failed - Is a "
					   "directory") END("failed", "unpack"),
				    &err),
			 -1);
	ck_assert_ptr_null(strstr(err.msg, "appliance"));
}
END_TEST

START_TEST(deadline_is_busy)
{
	struct error err = {0};

	ck_assert_int_eq(outcome_of(END("deadline", "dpkg was still running"), &err), -1);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_str_eq(err.msg, "the run did not end within 20 s: dpkg was still running; see "
				  "/runs/1/log");
}
END_TEST

START_TEST(the_hosts_failure_is_the_hosts)
{
	struct error err = {0};

	ck_assert_int_eq(outcome_of(END("host", "mount /proc"), &err), -1);
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_str_eq(err.msg, "the runner could not do its work: mount /proc");
}
END_TEST

START_TEST(no_end_is_a_failure)
{
	struct error err = {0};

	ck_assert_int_eq(outcome_of("", &err), -1);
	ck_assert_int_eq(err.kind, ERROR_GUEST);
	ck_assert_str_eq(err.msg, "the runner ended without a report; see /runs/1/log");
}
END_TEST

START_TEST(rubbish_is_refused)
{
	struct error err = {0};
	CLEANUP_FREE char *endless = xmalloc(REPORT_LINE_LIMIT + 2);

	ck_assert_int_eq(outcome_of("{\"event\":\"surprise\"}\n", &err), -1);
	ck_assert_str_eq(err.msg, "the runner's report has an unknown event");
	ck_assert_int_eq(outcome_of("rubbish\n", &err), -1);
	ck_assert_int_eq(err.kind, ERROR_GUEST);
	memset(endless, 'a', REPORT_LINE_LIMIT + 1);
	endless[REPORT_LINE_LIMIT + 1] = '\0';
	ck_assert_int_eq(outcome_of(endless, &err), -1);
	ck_assert_str_eq(err.msg, "the runner's report is too long");
}
END_TEST

START_TEST(steps_and_stubs_are_results)
{
	static const char text[] =
		"{\"event\":\"step\",\"stage\":\"unpack\",\"command\":\"dpkg --unpack\",\"exit\":"
		"1,\"signal\":0,\"ms\":42}\n{\"event\":\"stub\",\"call\":\"grub-install "
		"/dev/vda\"}\n";
	struct run_result result = {0};
	struct report report = {.result = &result,
				.manager = package_manager_of(package_family_by_name("deb"))};
	struct error err = {0};

	ck_assert_int_eq(report_read(&report, text, strlen(text), &err), 0);
	ck_assert_uint_eq(result.n_steps, 1);
	ck_assert_str_eq(result.steps[0].stage, "unpack");
	ck_assert_int_eq(result.steps[0].exit_code, 1);
	ck_assert_uint_eq(result.steps[0].milliseconds, 42);
	ck_assert_uint_eq(result.n_stubs_called, 1);
	ck_assert_str_eq(result.stubs_called[0], "grub-install /dev/vda");
	report_free(&report);
	run_result_free(&result);
}
END_TEST

START_TEST(what_rpm_says_on_the_way)
{
	static const char text[] = STATUS("warning: %post(a-2-1.noarch) scriptlet failed, exit "
					  "status 3")
		STATUS("error: unpacking of archive failed on file /x: cpio: rename")
			STATUS("error: b-2-1.noarch: install failed")
				STATUS("error: c-2-1.noarch: install failed")
					END("failed", "upgrade: rpm: exit status 2");
	struct run_result result = {0};
	struct report report = {.result = &result, .manager = &rpm_manager};
	struct error err = {0};

	ck_assert_int_eq(report_read(&report, text, strlen(text), &err), 0);
	ck_assert_uint_eq(result.n_warnings, 1);
	ck_assert_str_eq(result.warnings[0], "printed in the guest: package a-2-1.noarch: %post "
					     "scriptlet failed, exit status 3");
	ck_assert_int_eq(report_outcome(&report, "/log", 20, &err), -1);
	ck_assert_str_eq(err.msg, "upgrade: rpm: exit status 2: package b-2-1.noarch: unpacking of "
				  "archive failed on file /x: cpio: rename; see /log");
	report_free(&report);
	run_result_free(&result);
}
END_TEST

START_TEST(failure_whose_package_is_not_named)
{
	static const char text[] = STATUS("error: unpacking of archive failed on file /x: cpio: "
					  "mknod failed - Operation not permitted")
		END("failed", "upgrade: rpm: exit status 1");
	struct run_result result = {0};
	struct report report = {.result = &result, .manager = &rpm_manager};
	struct error err = {0};

	ck_assert_int_eq(report_read(&report, text, strlen(text), &err), 0);
	ck_assert_int_eq(report_outcome(&report, "/log", 20, &err), -1);
	ck_assert_str_eq(err.msg, "upgrade: rpm: exit status 1: unpacking of archive failed on "
				  "file /x: cpio: mknod failed - Operation not permitted (device "
				  "nodes and ids above 65535 need --executor appliance); see /log");
	report_free(&report);
	run_result_free(&result);
}
END_TEST

static void note_progress(void *opaque, const struct progress *progress)
{
	buffer_printf(opaque, "%s %s %llu/%llu\n", progress->stage, progress->object,
		      (unsigned long long)progress->done, (unsigned long long)progress->total);
}

START_TEST(packages_are_counted_per_command)
{
	static const char text[] = STATUS("processing: upgrade: a") STATUS("status: a: unpacked")
		STATUS("processing: upgrade: b") STATUS("status: first : error : one")
			STATUS("status: second : error : two") "{\"event\":\"step\"}\n" STATUS(
				"processing: configure: a");
	CLEANUP_BUFFER struct buffer seen = {0};
	const struct monitor monitor = {.progress = note_progress, .opaque = &seen};
	struct run_result result = {0};
	struct report report = {.result = &result,
				.manager = package_manager_of(package_family_by_name("deb")),
				.monitor = &monitor};
	struct error err = {0};

	ck_assert_int_eq(report_read(&report, text, strlen(text), &err), 0);
	ck_assert_str_eq(seen.data, "unpack a 1/2\nunpack b 2/2\nunpack a 1/2\n");
	ck_assert_str_eq(report.failed_package, "first");
	ck_assert_str_eq(report.failed_message, "one");
	report_free(&report);
	run_result_free(&result);
}
END_TEST

START_TEST(a_job_survives_json)
{
	static const char text[] =
		"{\"capture\":5,\"cmdline\":\"root=UUID=x\",\"commands\":[{\"argv\":[\"sh\",\"-c\","
		"\"true\"],\"packages\":2,\"sets-mount-points\":true,\"stage\":\"configure\","
		"\"status-in-output\":true,"
		"\"stubs\":true}],"
		"\"copied-up\":[\"/d\"],\"deadline\":20,"
		"\"efi\":true,"
		"\"environment\":[\"A=b\"],\"files\":[{\"content\":\"c\",\"mode\":420,\"path\":\"/"
		"f\",\"replaceable\":false}],"
		"\"filesystems\":[{\"device\":\"/dev/vda1\",\"disk\":0,\"grub_drive\":\"hd0\","
		"\"grub_type\":\"ext2\","
		"\"label\":null,\"manager\":\"lvm\","
		"\"mountpoint\":\"/\",\"nodes\":[\"/dev/"
		"n\"],\"options\":null,\"partition\":1,\"partuuid\":null,"
		"\"scheme\":\"gpt\",\"schemes\":[\"mbr\"],\"type\":\"ext4\",\"uuid\":\"x\"}],"
		"\"hostname\":\"h\","
		"\"log\":\"/log\",\"machine-id\":\"0123\",\"make-namespaces\":true,\"packages\":"
		"\"/p\",\"puts\":[{\"content\":\"d\",\"mode\":493,\"path\":\"/"
		"g\",\"replaceable\":true}],\"report\":4,\"root\":\"/r\"}";
	struct error err = {0};
	CLEANUP(job_free)
	struct job *job = job_from_json(text, strlen(text), &err);
	CLEANUP_FREE char *again = job ? job_to_json(job) : NULL;

	ck_assert_msg(job != NULL, "%s", err.msg);
	ck_assert_str_eq(again, text);
}
END_TEST

static const struct {
	const char *name, *value; /* NULL: it is left out */
} bad_members[] = {
	{"root", NULL},
	{"packages", "[]"},
	{"environment", "[1]"},
	{"copied-up", NULL},
	{"commands", "[{\"argv\": [], \"stage\": \"unpack\"}]"},
	{"puts", "[{\"path\": \"/a\"}]"},
	{"files", "[{\"content\": \"x\"}]"},
	{"hostname", NULL},
	{"cmdline", "5"},
	{"deadline", NULL},
};

START_TEST(a_job_that_lacks_a_member_is_refused)
{
	static const char text[] =
		"{\"root\":3,\"packages\":4,\"log\":5,\"report\":6,\"capture\":7,"
		"\"environment\":[],\"copied-up\":[],\"commands\":[],\"hostname\":\"h\","
		"\"cmdline\":\"\",\"deadline\":9}";
	const char *name = bad_members[_i].name, *value = bad_members[_i].value;
	CLEANUP_FREE char *message =
		xasprintf("job description: member %s is absent or malformed", name);
	CLEANUP_JSON json_t *json = json_loads(text, 0, NULL);
	CLEANUP_FREE char *bad = NULL;
	CLEANUP(job_free)
	struct job *good = NULL;
	struct error err = {0};

	good = job_from_json(text, strlen(text), &err);
	ck_assert_msg(good != NULL, "%s", err.msg);
	if (value)
		json_object_set_new(json, name, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(json, name);
	bad = json_dumps(json, 0);
	ck_assert_ptr_null(job_from_json(bad, strlen(bad), &err));
	ck_assert_str_eq(err.msg, message);
	ck_assert_int_eq(err.kind, ERROR_BUG);
}
END_TEST

START_TEST(a_job_is_json)
{
	struct error err = {0};

	ck_assert_ptr_null(job_from_json("{", 1, &err));
	ck_assert_str_eq(err.msg, "job description: string or '}' expected near end of file");
	ck_assert_int_eq(err.kind, ERROR_BUG);
}
END_TEST

START_TEST(executors_are_known_by_name)
{
	struct error err = {0};

	ck_assert_ptr_null(executor_choose("cloud", true, &err));
	ck_assert_int_eq(err.kind, ERROR_USAGE);
	ck_assert_str_eq(err.msg, "cloud: no such executor; there are auto, appliance and sandbox");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("run_report");
	TCase *cases = tcase_create("all");

	tcase_add_test(cases, success_is_said);
	tcase_add_test(cases, failure_names_stage_status_package_and_log);
	tcase_add_test(cases, failure_in_general);
	tcase_add_test(cases, failure_without_a_package);
	tcase_add_loop_test(cases, what_a_namespace_refuses_names_the_appliance, 0,
			    sizeof refusals / sizeof *refusals);
	tcase_add_test(cases, what_any_machine_refuses_does_not);
	tcase_add_test(cases, deadline_is_busy);
	tcase_add_test(cases, the_hosts_failure_is_the_hosts);
	tcase_add_test(cases, no_end_is_a_failure);
	tcase_add_test(cases, rubbish_is_refused);
	tcase_add_test(cases, steps_and_stubs_are_results);
	tcase_add_test(cases, what_rpm_says_on_the_way);
	tcase_add_test(cases, failure_whose_package_is_not_named);
	tcase_add_test(cases, packages_are_counted_per_command);
	tcase_add_test(cases, a_job_survives_json);
	tcase_add_loop_test(cases, a_job_that_lacks_a_member_is_refused, 0,
			    sizeof bad_members / sizeof *bad_members);
	tcase_add_test(cases, a_job_is_json);
	tcase_add_test(cases, executors_are_known_by_name);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
