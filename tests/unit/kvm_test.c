/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/kvm.h"
#include "appliance/probe_image.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "suite.h"

static char directory[] = "/tmp/kvm_test.XXXXXX";

static void setup(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void teardown(void)
{
	struct error err = {0};

	ck_assert_int_eq(directory_remove(directory, &err), 0);
}

/* Emulated, the image that the probe boots says what the probe looks for. */
START_TEST(probe_image_boots)
{
	CLEANUP_FREE char *path = path_join(directory, "initrd");
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	CLEANUP_BUFFER struct buffer image = {0};
	struct error err = {0};
	glob_t kernels;

	if (glob("/boot/vmlinuz-*", 0, NULL, &kernels) != 0)
		return;
	probe_image_make(&image);
	ck_assert_int_eq(file_replace(path, image.data, image.len, 0600, &err), 0);
	{
		const char *const argv[] = {"qemu-system-x86_64",
					    "-nodefaults",
					    "-machine",
					    "pc,accel=tcg",
					    "-m",
					    "256",
					    "-display",
					    "none",
					    "-serial",
					    "stdio",
					    "-kernel",
					    kernels.gl_pathv[0],
					    "-initrd",
					    path,
					    "-append",
					    "console=ttyS0 quiet",
					    "-no-reboot",
					    NULL};
		struct process_spec spec = {
			.argv = argv, .output_limit = 1 << 16, .deadline_ms = 100000};

		ck_assert_msg(process_run_ok(&spec, ERROR_HOST, &result, &err) == 0, "%s", err.msg);
	}
	ck_assert_ptr_nonnull(memmem(result.out.data, result.out.len, PROBE_IMAGE_GREETING,
				     strlen(PROBE_IMAGE_GREETING) - 1));
	globfree(&kernels);
}
END_TEST

static void plant(const char *path, const char *from, const char *to)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_BUFFER struct buffer changed = {0};
	struct error err = {0};
	char *at;

	ck_assert_int_eq(file_read(path, 4096, &text, &err), 0);
	at = strstr(text.data, from);
	ck_assert_ptr_nonnull(at);
	buffer_append(&changed, text.data, (size_t)(at - text.data));
	buffer_puts(&changed, to);
	buffer_puts(&changed, at + strlen(from));
	ck_assert_int_eq(file_replace(path, changed.data, changed.len, 0644, &err), 0);
}

/* Whatever the answer here is: it is kept, and only for this boot and this QEMU. */
START_TEST(answer_is_kept_for_this_boot)
{
	CLEANUP_FREE char *path = path_join(directory, "kvm.json");
	struct error first = {0}, second = {0};
	int answer = kvm_usable(directory, &first);

	if (answer < 0)
		ck_assert_int_eq(first.kind, ERROR_HOST);
	if (access(path, F_OK) != 0) { /* seen without booting */
		ck_assert_int_eq(answer, -1);
		ck_assert_msg(strstr(first.msg, "/dev/kvm") || strstr(first.msg, "missing") ||
				      strstr(first.msg, "no readable kernel"),
			      "%s", first.msg);
		return;
	}
	ck_assert_int_eq(kvm_usable(directory, &second), answer);
	ck_assert_str_eq(second.msg, first.msg);
	if (answer == 0)
		return;
	ck_assert_ptr_nonnull(strstr(first.msg, "KVM does not work here"));
	plant(path, "KVM does", "planted: KVM does");
	ck_assert_int_eq(kvm_usable(directory, &second), -1);
	ck_assert_ptr_nonnull(strstr(second.msg, "planted: "));
	plant(path, "\"key\":\"", "\"key\":\"other ");
	ck_assert_int_eq(kvm_usable(directory, &second), -1);
	ck_assert_str_eq(second.msg, first.msg);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kvm");
	TCase *tcase = tcase_create("kvm");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, probe_image_boots);
	tcase_add_test(tcase, answer_is_kept_for_this_boot);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
