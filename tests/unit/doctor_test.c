/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "session/doctor.h"
#include "suite.h"

static json_t *result;

static void setup(void)
{
	const struct doctor_request request = {.scratch = "/tmp/not-yet/there",
					       .store = "/proc/none"};

	result = doctor_run(&request);
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
	ck_assert_ptr_nonnull(strstr(member("store", "action"), "set store:"));
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
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, every_check_is_complete);
	tcase_add_test(tcase, directories_are_judged_where_they_will_be);
	tcase_add_test(tcase, tools_tell_their_version);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
