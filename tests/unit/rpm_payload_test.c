/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What packages bring that rpmbuild made, and some that were changed afterwards. */
#include <check.h>
#include <stdlib.h>

#include "guest_images.h"
#include "package/rpm/rpm.h"
#include "suite.h"

static const char spec[] =
	"Name: linked\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n"
	"%description\nx\n%install\nmkdir -p %{buildroot}/etc %{buildroot}/usr/share/linked\n"
	"cd %{buildroot}/usr/share/linked; echo shared > one; ln one two; ln one three\n"
	"echo alone > alone; : > empty; ln -s one link; echo conf > %{buildroot}/etc/linked.conf\n"
	"%files\n%config(noreplace) /etc/linked.conf\n%dir /usr/share/linked\n"
	"/usr/share/linked/*\n%ghost /usr/share/linked/ghost\n";

/* With file digests of this algorithm: 1 is MD5, 8 is SHA-256. */
static char *build_package(const char *algorithm, const char *compressor)
{
	CLEANUP_FREE char *top = xasprintf("_topdir %s/build-%s", work, algorithm);
	CLEANUP_FREE char *digests = xasprintf("_binary_filedigest_algorithm %s", algorithm);
	CLEANUP_FREE char *payload = xasprintf("_binary_payload %s", compressor);
	CLEANUP_FREE char *file = in_work("linked.spec");

	put_file("linked.spec", spec);
	run_tool(NULL, "rpmbuild", "-bb", "--quiet", "--define", top, "--define", digests,
		 "--define", payload, file, NULL);
	return xasprintf("%s/build-%s/RPMS/noarch/linked-1-1.noarch.rpm", work, algorithm);
}

static int list_file(void *opaque, const char *path, const struct digest *sha256, bool config,
		     struct error *err)
{
	char hex[DIGEST_HEX_SIZE];

	(void)err;
	digest_to_hex(sha256, hex);
	buffer_printf(opaque, "%s %s%s\n", hex, path, config ? " config" : "");
	return 0;
}

static const char *const payloads[][2] = {{"8", "w9.gzdio"},
					  {"1", "w9.gzdio"},
					  {"1", "w9.bzdio"},
					  {"1", "w6.xzdio"},
					  {"1", "w6.lzdio"}};

START_TEST(lists_what_a_package_brings)
{
	CLEANUP_FREE char *path = build_package(payloads[_i][0], payloads[_i][1]);
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_BUFFER struct buffer want = {0};
	static const struct {
		const char *path, *content;
		bool config;
	} files[] = {{"/etc/linked.conf", "conf\n", true},
		     {"/usr/share/linked/alone", "alone\n", false},
		     {"/usr/share/linked/empty", "", false},
		     {"/usr/share/linked/one", "shared\n", false},
		     {"/usr/share/linked/three", "shared\n", false},
		     {"/usr/share/linked/two", "shared\n", false}};
	struct error err = {0};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct digest digest;

		digest_of(files[i].content, strlen(files[i].content), &digest);
		list_file(&want, files[i].path, &digest, files[i].config, &err);
	}
	ck_assert_msg(rpm_payload(path, list_file, &text, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(text.data, want.data);
}
END_TEST

START_TEST(refuses_what_is_no_package)
{
	static const struct {
		size_t len;
		const char *message;
	} cuts[] = {{50, "the package is cut short"}, {200, "the package is cut short"}};
	CLEANUP_FREE char *path = build_package("8", "w9.gzdio"), *cut = in_work("cut.rpm");
	CLEANUP_BUFFER struct buffer content = {0};
	struct error err = {0};

	ck_assert_int_eq(file_read(path, 1 << 20, &content, &err), 0);
	for (size_t i = 0; i < 2; i++) {
		put_bytes("cut.rpm", content.data, cuts[i].len);
		ck_assert_int_eq(rpm_payload(cut, list_file, NULL, &err), -1);
		ck_assert_int_eq(err.kind, ERROR_MIRROR);
		ck_assert_ptr_nonnull(strstr(err.msg, cuts[i].message));
	}
	content.data[96] ^= 1;
	put_bytes("cut.rpm", content.data, content.len);
	ck_assert_int_eq(rpm_payload(cut, list_file, NULL, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "the package has a damaged header"));
	content.data[0] ^= 1;
	put_bytes("cut.rpm", content.data, content.len);
	ck_assert_int_eq(rpm_payload(cut, list_file, NULL, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "not an rpm package"));
}
END_TEST

/* Names are changed in the header alone, so that the payload has others. */
static const struct {
	const char *name, *other, *message;
} renamed[] = {
	{"alone", "alonf", "it lists /usr/share/linked/alonf, and does not bring it"},
	{"one", "onf", "hard link to ./usr/share/linked/one, which it does not list"},
};

static void rename_file(struct buffer *package, const char *name, const char *other)
{
	CLEANUP_FREE char *whole = xasprintf("%c%s", 0, name);
	size_t len = strlen(name) + 1;
	char *at = NULL, *next = package->data, *end = package->data + package->len;

	/* A link of the package is to one of these names, too; names of files come last. */
	while ((next = memmem(next, (size_t)(end - next), whole, len + 1)))
		at = next++;
	ck_assert_ptr_nonnull(at);
	memcpy(at + 1, other, len);
}

START_TEST(brings_what_it_lists)
{
	CLEANUP_FREE char *path = build_package("1", "w9.gzdio"), *changed = in_work("changed.rpm");
	CLEANUP_BUFFER struct buffer content = {0}, text = {0};
	struct error err = {0};

	ck_assert_int_eq(file_read(path, 1 << 20, &content, &err), 0);
	rename_file(&content, renamed[_i].name, renamed[_i].other);
	put_bytes("changed.rpm", content.data, content.len);
	ck_assert_int_eq(rpm_payload(changed, list_file, &text, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_MIRROR);
	ck_assert_msg(strstr(err.msg, renamed[_i].message) != NULL, "%s", err.msg);
}
END_TEST

#define N(array) (sizeof(array) / sizeof *(array))

int main(void)
{
	Suite *suite = suite_create("rpm_payload");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, images_setup, images_teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, lists_what_a_package_brings, 0, N(payloads));
	tcase_add_test(tcase, refuses_what_is_no_package);
	tcase_add_loop_test(tcase, brings_what_it_lists, 0, N(renamed));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
