/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The build vectors of purl-spec for the type deb, and names that need encoding. */
#include <check.h>
#include <stdlib.h>

#include "base/memory.h"
#include "record/purl.h"

static const struct vector {
	const char *vendor, *name, *version, *architecture, *distro, *purl;
} vectors[] = {
	{"debian", "curl", "7.50.3-1", "i386", "jessie",
	 "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie"},
	{"debian", "dpkg", "1.19.0.4", "amd64", "stretch",
	 "pkg:deb/debian/dpkg@1.19.0.4?arch=amd64&distro=stretch"},
	{"ubuntu", "dpkg", "1.19.0.4", "amd64", NULL, "pkg:deb/ubuntu/dpkg@1.19.0.4?arch=amd64"},
	{"debian", "attr", "1:2.4.47-2", "source", NULL,
	 "pkg:deb/debian/attr@1:2.4.47-2?arch=source"},
	{"debian", "attr", "1:2.4.47-2+b1", "amd64", NULL,
	 "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64"},
	{"Debian", "libstdc++6", "12.2.0-14+deb12u1~rc1", "amd64", "debian-12",
	 "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1~rc1?arch=amd64&distro=debian-12"},
	{"debian", "evil", "1?arch=x&y=\xff", "all", NULL,
	 "pkg:deb/debian/evil@1%3Farch%3Dx%26y%3D%FF?arch=all"},
};

START_TEST(purl_is_as_the_specification_says)
{
	const struct vector *v = &vectors[_i];
	CLEANUP_FREE char *purl =
		purl_deb(v->vendor, v->name, v->version, v->architecture, v->distro);

	ck_assert_str_eq(purl, v->purl);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("purl");
	TCase *tcase = tcase_create("deb");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, purl_is_as_the_specification_says, 0,
			    sizeof vectors / sizeof *vectors);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
