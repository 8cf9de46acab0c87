/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parsers of the repomd layout, and for whom a repository is.  What becomes of whole mirrors is
 * in tests/hostile/mirror-rpm.sh. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "mirror/mirror.h"
#include "mirror/repomd/cpe.h"
#include "mirror/repomd/href.h"
#include "mirror/repomd/index.h"
#include "mirror/repomd/primary.h"
#include "suite.h"

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))
#define ONES	     "1111111111111111111111111111111111111111111111111111111111111111"
#define SHA256	     "<checksum type='sha256'>" ONES "</checksum>"
#define PLACE	     "<location href='repodata/p.xml.gz'/>"

static const char good_index[] =
	"<?xml version='1.0' encoding='UTF-8'?>\n"
	"<repomd xmlns='http://linux.duke.edu/metadata/repo' xmlns:rpm='http://x'>\n"
	"  <revision>1600000000</revision>\n"
	"  <tags><content>binary-x86_64</content><content>pool</content>\n"
	"    <distro cpeid='cpe:/o:centos:centos:7'>CentOS 7</distro></tags>\n"
	"  <data type='primary'>\n"
	"    <checksum type='sha256'>" ONES "</checksum>\n"
	"    <open-checksum type='sha512'>" ONES ONES "</open-checksum>\n"
	"    <location href='./repodata/1-primary.xml.gz'/>\n"
	"    <timestamp>1610000000.52</timestamp><size>12</size><open-size>345</open-size>\n"
	"  </data>\n"
	"  <data type='primary_db'><location href='../evil'/></data>\n"
	"  <data type='primary_zck'><checksum type='md5'>1</checksum></data>\n"
	"  <data type='modules'>" SHA256 "<location href='m.yaml'/></data>\n"
	"</repomd>\n";

START_TEST(index_is_read)
{
	CLEANUP_REPOMD_INDEX struct repomd_index index = {0};
	const struct repomd_file *primary = &index.files[REPOMD_PRIMARY];
	struct error err = {0};

	ck_assert_msg(repomd_index_parse(good_index, strlen(good_index), &index, &err) == 0, "%s",
		      err.msg);
	ck_assert_str_eq(primary->href, "repodata/1-primary.xml.gz");
	ck_assert_int_eq(primary->checksum.type, CHECKSUM_SHA256);
	ck_assert_str_eq(primary->checksum.hex, ONES);
	ck_assert_int_eq(primary->open.type, CHECKSUM_SHA512);
	ck_assert_uint_eq(primary->size, 12);
	ck_assert_uint_eq(primary->open_size, 345);
	ck_assert_int_eq(index.date, 1610000000);
	ck_assert_str_eq(index.cpe, "cpe:/o:centos:centos:7");
	ck_assert_uint_eq(index.n_architectures, 1);
	ck_assert_str_eq(index.architectures[0], "x86_64");
	ck_assert_ptr_null(index.files[REPOMD_FILELISTS].href);
	ck_assert_str_eq(index.files[REPOMD_MODULES].href, "m.yaml");
}
END_TEST

#define MIXED "aB1111111111111111111111111111111111111111111111111111111111111c"

START_TEST(checksums_are_read_in_either_case)
{
	CLEANUP_REPOMD_INDEX struct repomd_index index = {0};
	static const char text[] =
		"<repomd><revision>1600000000</revision><data type='primary'>" PLACE
		"<checksum type='SHA256'>" MIXED "</checksum></data></repomd>";
	struct error err = {0};

	ck_assert_msg(repomd_index_parse(text, strlen(text), &index, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(index.files[REPOMD_PRIMARY].checksum.type, CHECKSUM_SHA256);
	ck_assert_str_eq(index.files[REPOMD_PRIMARY].checksum.hex,
			 "ab1111111111111111111111111111111111111111111111111111111111111c");
}
END_TEST

#define DATA(inner)                                                                                \
	"<repomd><revision>1600000000</revision><data type='primary'>" inner "</data></repomd>"

static const struct {
	const char *text, *message;
} bad_indexes[] = {
	{"", "line 1: no element found"},
	{"<repomd>", "line 1: no element found"},
	{"<repomd></x>", "line 1: mismatched tag"},
	{"<!DOCTYPE r [<!ENTITY a 'b'>]><repomd/>",
	 "line 1: has a document type, which is not followed"},
	{"<repomd/>", "has no date: neither a timestamp nor a revision that is one"},
	{"<repomd><revision>20230101</revision></repomd>",
	 "has no date: neither a timestamp nor a revision that is one"},
	{DATA(SHA256), "primary: has no location"},
	{DATA(SHA256 PLACE PLACE), "primary: has two locations"},
	{DATA(SHA256 "<location/>"), "primary: its location has no href"},
	{DATA(SHA256 "<location href='../../etc/passwd'/>"),
	 "primary: its location \"../../etc/passwd\" leads out of the repository"},
	{DATA(SHA256 "<location href='/etc/passwd'/>"),
	 "primary: its location \"/etc/passwd\" leads out of the repository"},
	{DATA(SHA256 "<location href='http://evil/p.xml'/>"),
	 "primary: its location \"http://evil/p.xml\" leads out of the repository"},
	{DATA(SHA256 "<location xml:base='http://evil/' href='p.xml'/>"),
	 "primary: its location has xml:base \"http://evil/\": what lies elsewhere is not taken; "
	 "mirror the repository with its files"},
	{DATA(PLACE), "primary: has no checksum by SHA-256, SHA-384 or SHA-512; weaker ones are "
		      "not relied on"},
	{DATA(PLACE "<checksum type='sha'>1111111111111111111111111111111111111111</checksum>"),
	 "primary: has no checksum by SHA-256, SHA-384 or SHA-512; weaker ones are not relied on"},
	{DATA(PLACE "<checksum type='sha256'>11</checksum>"),
	 "primary: has no checksum by SHA-256, SHA-384 or SHA-512; weaker ones are not relied on"},
	{DATA(PLACE SHA256 SHA256), "primary: has two checksums"},
	{DATA(PLACE "<checksum type='sha256'>\n  " ONES "</checksum>"),
	 "primary: has a checksum with blanks around it, which the resolver does not read"},
	{DATA(PLACE SHA256 "<open-checksum type='sha256'>" ONES " </open-checksum>"),
	 "primary: has a checksum with blanks around it, which the resolver does not read"},
	{DATA(PLACE SHA256 "<size>-1</size>"), "primary: a size that is no number"},
	{DATA(PLACE SHA256 "<open-size>99999999999999999</open-size>"),
	 "primary: a size that is no number"},
	{"<repomd><data type='filelists'>" PLACE SHA256 "</data><data type='filelists'/></repomd>",
	 "filelists: is named twice"},
};

START_TEST(bad_index_is_refused)
{
	CLEANUP_REPOMD_INDEX struct repomd_index index = {0};
	const char *text = bad_indexes[_i].text;
	struct error err = {0};

	ck_assert_int_eq(repomd_index_parse(text, strlen(text), &index, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_str_eq(err.msg, bad_indexes[_i].message);
	ck_assert_int_eq(index.date, 0);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	CLEANUP_REPOMD_INDEX struct repomd_index index = {0};
	struct buffer text = {0};
	struct error err = {0};

	for (int i = 0; i < 10000; i++)
		buffer_puts(&text, "<element>");
	ck_assert_int_eq(repomd_index_parse(text.data, text.len, &index, &err), -1);
	ck_assert_str_eq(err.msg, "line 1: nested too deep");
	buffer_free(&text);
}
END_TEST

#define PACKAGE(inner)                                                                             \
	"<metadata packages='1'><package type='rpm'><name>bash</name>" inner "</package></"        \
	"metadata>"
#define SIZE "<size package='7' installed='9'/>"

struct seen {
	char text[512];
	int result;
};

static int note(void *opaque, const struct primary_package *package, struct error *err)
{
	struct seen *seen = opaque;
	size_t len = strlen(seen->text);

	snprintf(seen->text + len, sizeof seen->text - len, "%s %s:%s-%s.%s %s %llu %s\n",
		 package->name, package->epoch, package->version, package->release,
		 package->architecture, package->href, (unsigned long long)package->size,
		 checksum_type_name(package->checksum.type));
	return seen->result ? error_set(err, ERROR_IO, "enough") : 0;
}

static const char good_primary[] =
	"<metadata xmlns='http://linux.duke.edu/metadata/common' "
	"xmlns:rpm='http://linux.duke.edu/metadata/rpm' packages='2'>\n"
	"<package type='rpm'><name>bash</name><arch>x86_64</arch>\n"
	"<version epoch='0' ver='4.2' rel='34.el7'/><checksum type='sha256' pkgid='YES'>" ONES
	"</checksum><summary>A &lt;shell&gt;</summary>\n" SIZE
	"<location href='Packages/bash.rpm'/>\n"
	"<format><rpm:requires><rpm:entry name='/location'/></rpm:requires>\n"
	"<location href='../evil'/></format></package>\n"
	"<package type='rpm'><name>b</name><arch>noarch</arch><version epoch='1' ver='2' "
	"rel='3'/>\n"
	"<checksum type='sha512'>" ONES ONES "</checksum>" SIZE
	"<location href='b.rpm'/></package>\n"
	"</metadata>\n";

START_TEST(primary_is_read)
{
	struct seen seen = {0};
	struct error err = {0};

	ck_assert_msg(primary_parse(good_primary, strlen(good_primary), note, &seen, &err) == 0,
		      "%s", err.msg);
	ck_assert_str_eq(seen.text, "bash 0:4.2-34.el7.x86_64 Packages/bash.rpm 7 sha256\n"
				    "b 1:2-3.noarch b.rpm 7 sha512\n");
	seen = (struct seen){.result = -1};
	ck_assert_int_eq(primary_parse(good_primary, strlen(good_primary), note, &seen, &err), -1);
	ck_assert_str_eq(err.msg, "enough");
}
END_TEST

/* A pool's digest, in either case. */
#define POOL_DIGEST "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"

static const struct {
	const char *href, *place, *in_mirror; /* of the repository "a/b/x86_64" */
} locations[] = {
	{"./Packages/b.rpm", "Packages/b.rpm", "a/b/x86_64/Packages/b.rpm"},
	{"libstdc%2B%2b-%5e1.rpm", "libstdc++-^1.rpm", "a/b/x86_64/libstdc++-^1.rpm"},
	{"100%25%zz%4.rpm", "100%%zz%4.rpm", "a/b/x86_64/100%%zz%4.rpm"},
	{"a%00b.rpm", "a%00b.rpm", "a/b/x86_64/a%00b.rpm"},
	{"../noarch/b.rpm", "noarch/b.rpm", "a/b/noarch/b.rpm"},
	{"../../../pool/b.rpm", "pool/b.rpm", "pool/b.rpm"},
	{"../../../../b.rpm", "b.rpm", NULL},
	{"../../../blobstore/" POOL_DIGEST "/b.rpm", "b.rpm", "blobstore/" POOL_DIGEST "/b.rpm"},
	{"%2e%2e/blobstore/" POOL_DIGEST "/b.rpm", "b.rpm", "a/b/blobstore/" POOL_DIGEST "/b.rpm"},
	{"../blobstore/0a/b.rpm", "blobstore/0a/b.rpm", "a/b/blobstore/0a/b.rpm"},
	{"blobstore/" POOL_DIGEST "/b.rpm", "blobstore/" POOL_DIGEST "/b.rpm",
	 "a/b/x86_64/blobstore/" POOL_DIGEST "/b.rpm"},
};

START_TEST(location_is_a_place)
{
	const char *const attributes[] = {"href", locations[_i].href, NULL};
	CLEANUP_FREE char *href = NULL, *place = NULL, *path = NULL;
	struct error err = {0};

	href = href_read(attributes, true, &err);
	ck_assert_msg(href != NULL, "%s", err.msg);
	place = href_place(href);
	ck_assert_str_eq(place, locations[_i].place);
	path = href_in_mirror("a/b/x86_64", href);
	ck_assert_pstr_eq(path, locations[_i].in_mirror);
}
END_TEST

static const struct {
	const char *text, *message;
} bad_packages[] = {
	{PACKAGE(SHA256 SIZE), "package bash: has no location"},
	{PACKAGE(SHA256 SIZE PLACE PLACE), "package bash: has two locations"},
	{PACKAGE(SHA256 SIZE "<location href='a/../../b.rpm'/>"),
	 "package bash: its location \"a/../../b.rpm\" leads out of the repository"},
	{PACKAGE(SHA256 SIZE "<location href='../a/../b.rpm'/>"),
	 "package bash: its location \"../a/../b.rpm\" leads out of the repository"},
	{PACKAGE(SHA256 SIZE "<location href='..%2f/etc'/>"),
	 "package bash: its location \"..%2f/etc\" leads out of the repository"},
	{PACKAGE(SHA256 SIZE "<location href='a%0ab'/>"),
	 "package bash: its location \"a%0ab\" leads out of the repository"},
	{PACKAGE(SHA256 SIZE "<location href='http%3a//evil/b.rpm'/>"),
	 "package bash: its location \"http%3a//evil/b.rpm\" leads out of the repository"},
	{PACKAGE(SHA256 SIZE "<location xml:base='..' href='b.rpm'/>"),
	 "package bash: its location has xml:base \"..\": what lies elsewhere is not taken; mirror "
	 "the repository with its files"},
	{PACKAGE(SHA256 PLACE), "package bash: has no size"},
	{PACKAGE(SHA256 PLACE "<size package='x'/>"), "package bash: has no size"},
	{PACKAGE(SIZE PLACE), "package bash: has no checksum by SHA-256, SHA-384 or SHA-512; "
			      "weaker ones are not relied on"},
	{PACKAGE(SIZE PLACE "<checksum type='md5'>11111111111111111111111111111111</checksum>"),
	 "package bash: has no checksum by SHA-256, SHA-384 or SHA-512; weaker ones are not relied "
	 "on"},
	{PACKAGE(SIZE PLACE SHA256 SHA256), "package bash: has two checksums"},
	{PACKAGE(SIZE PLACE "<checksum type='sha256'>" ONES "\n</checksum>"),
	 "package bash: has a checksum with blanks around it, which the resolver does not read"},
	{"<metadata><package>", "line 1: no element found"},
};

START_TEST(bad_package_is_refused)
{
	const char *text = bad_packages[_i].text;
	struct seen seen = {0};
	struct error err = {0};

	ck_assert_int_eq(primary_parse(text, strlen(text), note, &seen, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_str_eq(err.msg, bad_packages[_i].message);
	ck_assert_str_eq(seen.text, "");
}
END_TEST

static const struct {
	const char *cpe, *id, *version;
} names[] = {
	{"cpe:/o:centos:centos:7", "centos", "7"},
	{"cpe:/o:rocky:rocky:9::baseos", "rocky", "9"},
	{"cpe:/o:redhat:enterprise_linux:8.4", "rhel", "8.4"},
	{"cpe:/o:suse:sles:15:sp4", "sles", "15.4"},
	{"cpe:/o:opensuse:tumbleweed:20230101", "opensuse-tumbleweed", NULL},
	{"cpe:2.3:o:amazon:amazon_linux:2", "amzn", "2"},
	{"cpe:/o:fedoraproject:fedora", "fedora", NULL},
	{"cpe:/o:fedoraproject:fedora:-", "fedora", NULL},
	{"cpe:/o:fedoraproject:fedorable:1", NULL, NULL},
	{"cpe:/a:fedoraproject:fedora:1", NULL, NULL},
	{"", NULL, NULL},
};

START_TEST(distribution_is_told_by_its_name)
{
	CLEANUP_FREE char *id = NULL, *version = NULL;

	ck_assert(cpe_read(names[_i].cpe, &id, &version) == (names[_i].id != NULL));
	ck_assert_pstr_eq(id, names[_i].id);
	ck_assert_pstr_eq(version, names[_i].version);
}
END_TEST

static const struct {
	char *os_id, *os_version, *layout;
	struct mirror_guest guest;
	bool suits;
} suits[] = {
	{"centos", "7", "repomd", {"repomd", "centos", "7", NULL}, true},
	{"centos", "7", "repomd", {"repomd", "CentOS", "7", NULL}, true},
	{"rocky", "9", "repomd", {"repomd", "rocky", "9.1", NULL}, true},
	{"rocky", "9", "repomd", {"repomd", "rocky", "90", NULL}, false},
	{"rocky", "9.1", "repomd", {"repomd", "rocky", "9", NULL}, false},
	{"rocky", "9", "repomd", {"repomd", "alma", "9", NULL}, false},
	{"rocky", NULL, "repomd", {"repomd", "rocky", "8", NULL}, true},
	{"rocky", "9", "repomd", {"repomd", "rocky", NULL, NULL}, false},
	{"rocky", "9", "repomd", {"repomd", NULL, "9", NULL}, false},
	{"rocky", "9", "repomd", {"apt", "rocky", "9", NULL}, false},
	{"debian", "12", "apt", {"apt", "debian", "12", "bookworm"}, true},
};

START_TEST(repository_is_for_its_distribution)
{
	const struct mirror_source source = {.layout = suits[_i].layout,
					     .os_id = suits[_i].os_id,
					     .os_version = suits[_i].os_version};

	ck_assert(mirror_source_suits(&source, &suits[_i].guest) == suits[_i].suits);
}
END_TEST

START_TEST(package_is_found_by_another_checksum)
{
	struct mirror_alias alias = {.checksum = "sha512:" ONES, .sha256 = {{1, 2, 3}}};
	const struct mirror_source source = {.aliases = &alias, .n_aliases = 1};
	struct digest digest;

	ck_assert(mirror_source_find(&source, "sha512", ONES, &digest));
	ck_assert(digest_equal(&digest, &alias.sha256));
	ck_assert(!mirror_source_find(&source, "sha384", ONES, &digest));
	ck_assert(!mirror_source_find(&source, "md5", "11", &digest));
	ck_assert(mirror_source_find(&source, "sha256", ONES, &digest));
	ck_assert_int_eq(digest.bytes[0], 0x11);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("repomd");
	TCase *tcase = tcase_create("repomd");

	tcase_add_test(tcase, index_is_read);
	tcase_add_test(tcase, checksums_are_read_in_either_case);
	tcase_add_loop_test(tcase, bad_index_is_refused, 0, COUNT(bad_indexes));
	tcase_add_test(tcase, deep_nesting_is_refused);
	tcase_add_test(tcase, primary_is_read);
	tcase_add_loop_test(tcase, location_is_a_place, 0, COUNT(locations));
	tcase_add_loop_test(tcase, bad_package_is_refused, 0, COUNT(bad_packages));
	tcase_add_loop_test(tcase, distribution_is_told_by_its_name, 0, COUNT(names));
	tcase_add_loop_test(tcase, repository_is_for_its_distribution, 0, COUNT(suits));
	tcase_add_test(tcase, package_is_found_by_another_checksum);
	suite_add_tcase(s, tcase);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
