/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot tests that never come to a login: what is said before anything is started, of files of the
 * guest that cannot be booted, and of a machine that does not start.  Those that do boot are
 * tests/image/boot-test.sh. */
#include <check.h>
#include <signal.h>
#include <string.h>

#include "boot/boottest.h"
#include "boot/machine.h"
#include "guest_fixture.h"
#include "suite.h"

static struct guest_kernel kernel = {.version = (char[]){"6.1"},
				     .image = (char[]){"/boot/vmlinuz"}};
static char x86_64[] = "x86_64", aarch64[] = "aarch64", serial[] = "console=ttyS0", uefi[] = "uefi";
static struct guest guest;

static void set_up(void)
{
	/* A server that is stopped before it comes to exec would run Check's handler. */
	signal(SIGTERM, SIG_DFL);
	guest = (struct guest){0};
	guest.os.architecture = x86_64;
	guest.n_disks = 1;
	guest.boot.default_kernel = kernel.version;
	guest.boot.kernels = &kernel;
	guest.boot.n_kernels = 1;
}

static void impossible(enum error_kind kind, const char *words)
{
	struct error err = {0};

	ck_assert_int_eq(boot_test_possible(&guest, &err), -1);
	ck_assert_int_eq(err.kind, kind);
	ck_assert_str_eq(err.msg, words);
}

START_TEST(what_cannot_be_booted_here)
{
	struct error err = {0};

	ck_assert_msg(boot_test_possible(&guest, &err) == 0, "%s", err.msg);
	guest.boot.n_kernels = 0;
	impossible(ERROR_IMAGE, "there is nothing to boot-test: the guest has no kernel that its "
				"boot loader starts");
	guest.n_disks = 21;
	impossible(ERROR_HOST, "a boot test takes at most 20 disks");
	guest.os.architecture = aarch64;
	impossible(ERROR_HOST, "boot tests are made for x86_64 guests only, this one is aarch64");
	guest.os.architecture = NULL;
	impossible(ERROR_HOST, "boot tests are made for x86_64 guests only, this one is unknown");
}
END_TEST

/* A host has that firmware or not. */
START_TEST(uefi_takes_firmware)
{
	struct error ignored;

	guest.boot.default_options = serial;
	guest.boot.firmware = uefi;
	if (machine_uefi_firmware(&ignored))
		ck_assert_int_eq(boot_test_possible(&guest, &ignored), 0);
	else
		impossible(ERROR_HOST, "the guest boots by UEFI only, and there is no firmware for "
				       "that here (/usr/share/ovmf/OVMF.fd): install ovmf");
}
END_TEST

static void run_fails(enum error_kind kind, const char *words)
{
	CLEANUP_OPENED struct opened opened = {0};
	CLEANUP_FREE char *console = in_work("console");
	struct boot_test test = {.guest = &guest,
				 .accelerator = BOOT_ACCELERATOR_TCG,
				 .work_dir = work,
				 .console_path = console};
	struct boot_test_result result;

	make_disk("disk0.img", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk0.img", .size = 8, .from = "root"});
	must_open(&opened, NAMES("disk0.img"));
	test.images = (const struct image *const *)opened.images;
	test.n_images = 1;
	test.tree = opened.tree;
	ck_assert_int_eq(boot_test_run(&test, &result, &opened.err), -1);
	ck_assert_int_eq(opened.err.kind, kind);
	ck_assert_msg(strncmp(opened.err.msg, words, strlen(words)) == 0, "%s", opened.err.msg);
}

START_TEST(a_kernel_is_a_file)
{
	put_root("root", NULL);
	put_directory("root/boot/vmlinuz");
	run_fails(ERROR_IMAGE, "/boot/vmlinuz in the guest is not a file");
}
END_TEST

START_TEST(a_kernel_is_not_that_large)
{
	CLEANUP_FREE char *path = in_work("root/boot/vmlinuz");

	put_root("root", NULL);
	put_file("root/boot/vmlinuz", "x");
	ck_assert_int_eq(truncate(path, (off_t)MIB * 1024 + 1), 0);
	run_fails(ERROR_IMAGE, "/boot/vmlinuz in the guest is too large to be booted");
}
END_TEST

START_TEST(a_kernel_is_a_kernel)
{
	put_root("root", NULL);
	put_file("root/boot/vmlinuz", "not a kernel");
	run_fails(ERROR_HOST, "boot test: QEMU ended with status 1: ");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("boot run");
	TCase *values = tcase_create("values"), *images = tcase_create("images");

	tcase_add_checked_fixture(values, set_up, NULL);
	tcase_add_test(values, what_cannot_be_booted_here);
	tcase_add_test(values, uefi_takes_firmware);
	suite_add_tcase(suite, values);
	tcase_add_checked_fixture(images, set_up, NULL);
	tcase_add_checked_fixture(images, images_setup, images_teardown);
	tcase_set_timeout(images, 120);
	tcase_add_test(images, a_kernel_is_a_file);
	tcase_add_test(images, a_kernel_is_not_that_large);
	tcase_add_test(images, a_kernel_is_a_kernel);
	suite_add_tcase(suite, images);
	return suite_run(suite);
}
