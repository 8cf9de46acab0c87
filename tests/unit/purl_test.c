/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The build vectors of purl-spec for the type deb, names that need encoding, and a type whose
 * names keep their case. */
#include <check.h>
#include <stdlib.h>

#include "base/memory.h"
#include "record/purl.h"
#include "suite.h"

static const struct vector {
	struct purl purl;
	const char *text;
} vectors[] = {
	{{"deb", "debian", "curl", "7.50.3-1", "i386", "jessie", true},
	 "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie"},
	{{"deb", "debian", "dpkg", "1.19.0.4", "amd64", "stretch", true},
	 "pkg:deb/debian/dpkg@1.19.0.4?arch=amd64&distro=stretch"},
	{{"deb", "ubuntu", "dpkg", "1.19.0.4", "amd64", NULL, true},
	 "pkg:deb/ubuntu/dpkg@1.19.0.4?arch=amd64"},
	{{"deb", "debian", "attr", "1:2.4.47-2", "source", NULL, true},
	 "pkg:deb/debian/attr@1:2.4.47-2?arch=source"},
	{{"deb", "debian", "attr", "1:2.4.47-2+b1", "amd64", NULL, true},
	 "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64"},
	{{"deb", "Debian", "libstdc++6", "12.2.0-14+deb12u1~rc1", "amd64", "debian-12", true},
	 "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1~rc1?arch=amd64&distro=debian-12"},
	{{"deb", "debian", "evil", "1?arch=x&y=\xff", "all", NULL, true},
	 "pkg:deb/debian/evil@1%3Farch%3Dx%26y%3D%FF?arch=all"},
	{{"rpm", "fedora", "ImageMagick", "1:7.1-1.fc38", "x86_64", "fedora-38", false},
	 "pkg:rpm/fedora/ImageMagick@1:7.1-1.fc38?arch=x86_64&distro=fedora-38"},
	{{"deb", "debian", "Upper", "1", "all", NULL, true}, "pkg:deb/debian/upper@1?arch=all"},
};

START_TEST(purl_is_as_the_specification_says)
{
	const struct vector *v = &vectors[_i];
	CLEANUP_FREE char *text = purl_format(&v->purl);

	ck_assert_str_eq(text, v->text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("purl");
	TCase *tcase = tcase_create("vectors");

	tcase_add_loop_test(tcase, purl_is_as_the_specification_says, 0,
			    sizeof vectors / sizeof *vectors);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
