/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Package states: what a run made of one, and what is none. */
#include <check.h>

#include "package/rpm/rpm.h"
#include "rpm_headers.h"
#include "suite.h"

static void fill_state(struct package_state *state, const struct package *packages)
{
	CLEANUP_RPM_PACKAGES struct rpm_packages list = {0};
	struct error err = {0};

	for (; packages->name; packages++) {
		Header header = make_header(packages);
		unsigned len = 0;
		CLEANUP_FREE void *blob = headerExport(header, &len);

		*ARRAY_ADD(list.items, list.n_items) = rpm_header_import(blob, len, &err);
		headerFree(header);
	}
	ck_assert_int_eq(rpm_packages_write(&list, 1 << 20, state, &err), 0);
}

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, NULL, 0                                                          \
	}
#define P(name, evr)                                                                               \
	{                                                                                          \
		name, evr, "x86_64", NULL, 0                                                       \
	}
#define C(n, f, t)                                                                                 \
	{                                                                                          \
		.name = (char *)n, .architecture = (char *)"x86_64", .from = (char *)f,            \
		.to = (char *)t                                                                    \
	}

/* Before: a 1-1, b 1-1, kernel 1-1.  The plan: a to 1-2, b away, kernel 1-2 beside, c 1-1 new. */
static const struct {
	struct package after[6];
	const char *message; /* NULL: as planned */
} runs[] = {
	{{P("a", "1-2"), P("kernel", "1-1"), P("kernel", "1-2"), P("c", "1-1"), END}, NULL},
	{{P("a", "1-1"), P("kernel", "1-1"), P("kernel", "1-2"), P("c", "1-1"), END},
	 "package a should be 1-2, but is 1-1"},
	{{P("kernel", "1-1"), P("kernel", "1-2"), P("c", "1-1"), END},
	 "package a should be 1-2, but is not installed"},
	{{P("a", "1-2"), P("b", "1-1"), P("kernel", "1-1"), P("kernel", "1-2"), P("c", "1-1"), END},
	 "package b 1-1 should be gone, but is there"},
	{{P("a", "1-2"), P("kernel", "1-2"), P("c", "1-1"), END},
	 "package kernel 1-1 was replaced, which is not planned"},
	{{P("a", "1-2"), P("a", "1-1"), P("kernel", "1-1"), P("kernel", "1-2"), P("c", "1-1"), END},
	 "package a 1-1 should be gone, but is there"},
	{{P("a", "1-2"), P("d", "1-1"), P("kernel", "1-1"), P("kernel", "1-2"), P("c", "1-1"), END},
	 "package d 1-1 was installed, which is not planned"},
	{{P("a", "1-2"), P("a", "1-2"), P("kernel", "1-1"), P("kernel", "1-2"), P("c", "1-1"), END},
	 "package a 1-2 is there twice"},
};

START_TEST(compares_with_the_plan)
{
	static const struct package before[] = {P("a", "1-1"), P("b", "1-1"), P("kernel", "1-1"),
						END};
	struct package_change changes[] = {C("a", "1-1", "1-2"), C("b", "1-1", NULL),
					   C("c", NULL, "1-1"), C("kernel", NULL, "1-2")};
	const struct resolution resolution = {.changes = changes, .n_changes = 4};
	CLEANUP_PACKAGE_STATE struct package_state old = {0}, new = {0};
	struct error err = {0};
	int status;

	fill_state(&old, before);
	fill_state(&new, runs[_i].after);
	status = rpm_verify(&old, &new, &resolution, &err);
	ck_assert_int_eq(status, runs[_i].message ? -1 : 0);
	if (!runs[_i].message)
		return;
	ck_assert_int_eq(err.kind, ERROR_GUEST);
	ck_assert_str_eq(err.msg, runs[_i].message);
}
END_TEST

START_TEST(limits_the_state)
{
	static const struct package rpm = P("rpm", "4.11.3-35.el7");
	CLEANUP_RPM_PACKAGES struct rpm_packages list = {0};
	CLEANUP_PACKAGE_STATE struct package_state state = {0};
	Header header = make_header(&rpm);
	struct error err = {0};
	unsigned len = 0;
	CLEANUP_FREE void *blob = headerExport(header, &len);

	*ARRAY_ADD(list.items, list.n_items) = rpm_header_import(blob, len, &err);
	headerFree(header);
	ck_assert_int_eq(rpm_packages_write(&list, len, &state, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "the headers of its packages are of"));
}
END_TEST

START_TEST(changes_what_was_there)
{
	static const struct package before[] = {P("a", "1-1"), END};
	struct package_change change = C("a", "1-0", "1-2");
	const struct resolution resolution = {.changes = &change, .n_changes = 1};
	CLEANUP_PACKAGE_STATE struct package_state old = {0}, new = {0};
	struct error err = {0};

	fill_state(&old, before);
	fill_state(&new, before);
	ck_assert_int_eq(rpm_verify(&old, &new, &resolution, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_GUEST);
	ck_assert_str_eq(err.msg,
			 "package a 1-0 is to be changed, and was not there before the run");
}
END_TEST

/* In a number, and in a header. */
static const size_t lengths[] = {3, 40};

START_TEST(refuses_a_state_that_is_cut_off)
{
	static const struct package packages[] = {P("a", "1-1"), END};
	const struct resolution none = {0};
	CLEANUP_PACKAGE_STATE struct package_state whole = {0}, cut = {0};
	struct error err = {0};

	fill_state(&whole, packages);
	fill_state(&cut, packages);
	ck_assert_uint_eq(cut.n_files, 1);
	cut.files[0].content.len = lengths[_i];
	ck_assert_int_eq(rpm_verify(&cut, &whole, &none, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_GUEST);
	ck_assert_str_eq(err.msg, "before the run: the guest's package state is cut off");
	ck_assert_int_eq(rpm_verify(&whole, &cut, &none, &err), -1);
	ck_assert_str_eq(err.msg, "after the run: the guest's package state is cut off");
}
END_TEST

#define N(array) (sizeof(array) / sizeof *(array))

int main(void)
{
	Suite *suite = suite_create("rpm_verify");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, compares_with_the_plan, 0, N(runs));
	tcase_add_test(tcase, changes_what_was_there);
	tcase_add_test(tcase, limits_the_state);
	tcase_add_loop_test(tcase, refuses_a_state_that_is_cut_off, 0, N(lengths));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
