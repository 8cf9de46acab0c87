/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "boot/boot.h"
#include "guest_images.h"
#include "suite.h"

#define ROOT_UUID "11111111-aaaa-4aaa-8aaa-111111111111"
#define BOOT_UUID "22222222-bbbb-4bbb-8bbb-222222222222"

static const char grub_config[] =
	"set default=\"0\"\n"
	"search --no-floppy --fs-uuid --set=root " BOOT_UUID "\n"
	"menuentry 'Debian' --id simple {\n linux /vmlinuz-6.1.0-50-amd64 root=UUID=" ROOT_UUID
	" ro quiet\n initrd /initrd.img-6.1.0-50-amd64\n}\n"
	"submenu 'Advanced' --id advanced {\n"
	" menuentry 'old' --id old {\n linux /vmlinuz-6.1.0-9-amd64 root=UUID=" ROOT_UUID
	" ro\n initrd /initrd.img-6.1.0-9-amd64\n }\n}\n";

static const char gpt[] = "label: gpt\n"
			  "start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649\n"
			  "start=4096, size=16384\n"
			  "start=20480, size=16384\n";

static void put_kernel(const char *version)
{
	CLEANUP_FREE char *image = xasprintf("boot/vmlinuz-%s", version);
	CLEANUP_FREE char *initrd = xasprintf("boot/initrd.img-%s", version);
	CLEANUP_FREE char *modules = xasprintf("root/usr/lib/modules/%s/modules.dep", version);

	put_file(image, "kernel");
	put_file(initrd, "070701 archive");
	put_file(modules, "");
}

/* A guest with a separate /boot and two kernels, as files; tests change them before make_guest. */
static void put_guest(void)
{
	put_file("root/etc/os-release", test_os_release);
	put_file("root/etc/fstab", "UUID=" ROOT_UUID " / ext4\nUUID=" BOOT_UUID " /boot ext4\n");
	put_program("root/usr/bin/sh", EM_X86_64);
	put_link("root/bin", "usr/bin");
	put_link("root/lib", "usr/lib");
	put_file("root/usr/sbin/update-initramfs", "#!/bin/sh\n");
	put_directory("root/boot");
	put_kernel("6.1.0-9-amd64");
	put_kernel("6.1.0-50-amd64");
	put_file("boot/vmlinuz-6.1.0-9-amd64.old", "x");
	put_file("boot/vmlinuz-6.1.0-9-amd64.spare-1", "x");
	put_file("boot/config-6.1.0-9-amd64", "x");
	put_file("boot/grub/grub.cfg", grub_config);
}

static void make_guest(const char *disk)
{
	make_disk(disk, 20, gpt);
	make_fs(&(struct test_fs){
		.disk = disk, .offset = 2, .size = 8, .from = "boot", .uuid = BOOT_UUID});
	make_fs(&(struct test_fs){
		.disk = disk, .offset = 10, .size = 8, .from = "root", .uuid = ROOT_UUID});
}

static void inspect(struct opened *opened, const char *disk)
{
	static const char *const spare_names[] = {"*.spare-*", NULL};

	must_open(opened, NAMES(disk));
	ck_assert_msg(boot_inspect(opened->tree, spare_names, opened->guest, &opened->err) == 0,
		      "%s", opened->err.msg);
}

START_TEST(debian_setup_is_read)
{
	CLEANUP_OPENED struct opened opened = {0};
	struct guest_boot *boot;

	put_guest();
	make_guest("disk0.img");
	inspect(&opened, "disk0.img");
	boot = &opened.guest->boot;
	ck_assert_str_eq(boot->loader, "grub2");
	ck_assert_str_eq(boot->firmware, "bios");
	ck_assert_str_eq(boot->default_kernel, "6.1.0-50-amd64");
	ck_assert_str_eq(boot->default_root, "UUID=" ROOT_UUID);
	ck_assert_str_eq(boot->default_options, "root=UUID=" ROOT_UUID " ro quiet");
	ck_assert_uint_eq(boot->n_kernels, 2);
	ck_assert_str_eq(boot->kernels[0].version, "6.1.0-50-amd64");
	ck_assert_str_eq(boot->kernels[0].image, "/boot/vmlinuz-6.1.0-50-amd64");
	ck_assert_str_eq(boot->kernels[0].initramfs, "/boot/initrd.img-6.1.0-50-amd64");
	ck_assert(boot->kernels[0].modules && boot->kernels[0].entry);
	ck_assert(boot->kernels[1].modules && boot->kernels[1].entry);
	ck_assert_uint_eq(boot->n_missing, 0);
	ck_assert_uint_eq(opened.guest->n_notes, 0);
	ck_assert_int_eq(boot_check(NULL, opened.guest, opened.tree, &opened.err), 0);
	ck_assert_int_eq(boot_check(opened.guest, opened.guest, opened.tree, &opened.err), 0);
}
END_TEST

START_TEST(saved_default_comes_from_the_environment)
{
	CLEANUP_OPENED struct opened opened = {0};
	CLEANUP_FREE char *config = xasprintf("%sset default=\"${saved_entry}\"\n", grub_config);

	put_guest();
	put_file("boot/grub/grub.cfg", config);
	put_file("boot/grub/grubenv", "# GRUB Environment Block\nsaved_entry=advanced>old\n#####");
	make_guest("disk0.img");
	inspect(&opened, "disk0.img");
	ck_assert_str_eq(opened.guest->boot.default_kernel, "6.1.0-9-amd64");
}
END_TEST

START_TEST(bls_entries_are_read)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_guest();
	put_file("root/etc/fstab", "");
	put_file("boot/grub/grub.cfg", "set default=\"${saved_entry}\"\nblscfg\n");
	put_file("boot/grub/grubenv", "saved_entry=\nkernelopts=root=UUID=" ROOT_UUID " ro\n");
	put_file("boot/loader/entries/m-6.1.0-9.conf",
		 "title old\nversion 6.1.0-9-amd64\nlinux /vmlinuz-6.1.0-9-amd64\n"
		 "options $kernelopts single\n");
	put_file("boot/loader/entries/m-6.1.0-50.conf",
		 "title new\nversion 6.1.0-50-amd64\nlinux /vmlinuz-6.1.0-50-amd64\n"
		 "initrd /initrd.img-6.1.0-50-amd64\noptions $kernelopts quiet\n");
	put_file("root/etc/fstab", "UUID=" ROOT_UUID " / ext4\nUUID=" BOOT_UUID " /boot ext4\n");
	make_guest("disk0.img");
	inspect(&opened, "disk0.img");
	ck_assert_str_eq(opened.guest->boot.loader, "grub2");
	ck_assert_str_eq(opened.guest->boot.default_kernel, "6.1.0-50-amd64");
	ck_assert_str_eq(opened.guest->boot.default_options, "root=UUID=" ROOT_UUID " ro quiet");
	ck_assert_int_eq(boot_check(NULL, opened.guest, opened.tree, &opened.err), 0);
}
END_TEST

/* The partition that it reads may be mounted in any of three places. */
START_TEST(systemd_boot_is_read)
{
	CLEANUP_OPENED struct opened opened = {0};
	struct error err = {0};
	CLEANUP_FREE char *grub = in_work("boot/grub");
	static const char *const roots[] = {"boot", "root/efi", "boot/efi"};
	CLEANUP_FREE char *config = path_join(roots[_i], "loader/loader.conf");
	CLEANUP_FREE char *first = path_join(roots[_i], "loader/entries/m-6.1.0-9.conf");
	CLEANUP_FREE char *second = path_join(roots[_i], "loader/entries/m-6.1.0-50.conf");
	CLEANUP_FREE char *kernel = path_join(roots[_i], "m/6.1.0-9-amd64/linux");

	put_guest();
	ck_assert_int_eq(directory_remove(grub, &err), 0);
	put_file(config, "timeout 3\ndefault m-6.1.0-9*\n");
	put_file(first, "linux /m/6.1.0-9-amd64/linux\noptions root=/dev/sda3\n");
	put_file(second, "linux /vmlinuz-6.1.0-50-amd64\noptions root=/dev/sda3\n");
	put_file(kernel, "kernel");
	make_guest("disk0.img");
	inspect(&opened, "disk0.img");
	ck_assert_str_eq(opened.guest->boot.loader, "systemd-boot");
	ck_assert_str_eq(opened.guest->boot.default_kernel, "6.1.0-9-amd64");
	ck_assert_str_eq(opened.guest->boot.default_root, "/dev/sda3");
	ck_assert_int_eq(boot_check(NULL, opened.guest, opened.tree, &opened.err), 0);
}
END_TEST

/* An EFI system partition, as fstab has it, that is not mounted. */
static void add_esp(struct guest *guest)
{
	struct guest_filesystem *fs = ARRAY_ADD(guest->filesystems, guest->n_filesystems);

	fs->type = xstrdup("vfat");
	fs->mountpoint = xstrdup("/boot/efi");
}

/* Which entry is the default is said where nobody looks. */
START_TEST(default_elsewhere_is_not_guessed)
{
	CLEANUP_OPENED struct opened opened = {0}, after = {0};
	static const char *const spare_names[] = {NULL};

	put_guest();
	put_link("boot/grub/grubenv", "../efi/EFI/debian/grubenv");
	make_guest("disk0.img");
	must_open(&opened, NAMES("disk0.img"));
	add_esp(opened.guest);
	ck_assert_int_eq(boot_inspect(opened.tree, spare_names, opened.guest, &opened.err), 0);
	ck_assert(opened.guest->boot.elsewhere);
	ck_assert_ptr_null(opened.guest->boot.default_kernel);
	ck_assert_str_eq(opened.guest->notes[0],
			 "the boot menu, or its default, is on a file system that is not mounted "
			 "here, and is not known");
	ck_assert_int_eq(boot_check(opened.guest, opened.guest, opened.tree, &opened.err), 0);

	put_kernel("6.1.0-51-amd64");
	make_guest("disk1.img");
	must_open(&after, NAMES("disk1.img"));
	add_esp(after.guest);
	ck_assert_int_eq(boot_inspect(after.tree, spare_names, after.guest, &after.err), 0);
	ck_assert_int_eq(boot_check(opened.guest, after.guest, after.tree, &after.err), -1);
	ck_assert_int_eq(after.err.kind, ERROR_GUEST);
	ck_assert_str_eq(
		after.err.msg,
		"kernel 6.1.0-51-amd64 is new, and the boot menu, or its default, is on a "
		"file system that was not mounted for the update: that the guest starts it "
		"is not known");
}
END_TEST

START_TEST(menu_elsewhere_is_told)
{
	CLEANUP_OPENED struct opened opened = {0};
	static const char *const spare_names[] = {NULL};

	put_guest();
	run_tool(NULL, "rm", "-r", in_work("boot/grub"), NULL);
	make_guest("disk0.img");
	inspect(&opened, "disk0.img");
	ck_assert(!opened.guest->boot.elsewhere);
	add_esp(opened.guest);
	ck_assert_int_eq(boot_inspect(opened.tree, spare_names, opened.guest, &opened.err), 0);
	ck_assert(opened.guest->boot.elsewhere);
}
END_TEST

START_TEST(kernel_by_symlink_is_followed)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_guest();
	put_file("boot/grub/grub.cfg",
		 "menuentry a {\n linux /vmlinuz root=UUID=" ROOT_UUID "\n}\n");
	put_link("boot/vmlinuz", "vmlinuz-6.1.0-9-amd64");
	make_guest("disk0.img");
	inspect(&opened, "disk0.img");
	ck_assert_str_eq(opened.guest->boot.default_kernel, "6.1.0-9-amd64");
	ck_assert_uint_eq(opened.guest->n_notes, 1);
	ck_assert_str_eq(opened.guest->notes[0], "kernel 6.1.0-50-amd64 is not in the boot menu");
}
END_TEST

START_TEST(guest_without_kernel_is_fine)
{
	CLEANUP_OPENED struct opened opened = {0}, before = {0};

	put_file("root/etc/os-release", test_os_release);
	put_directory("root/sbin");
	make_disk("disk0.img", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk0.img", .size = 8, .from = "root"});
	inspect(&opened, "disk0.img");
	ck_assert_str_eq(opened.guest->boot.loader, "none");
	ck_assert_str_eq(opened.guest->boot.firmware, "unknown");
	ck_assert_uint_eq(opened.guest->boot.n_kernels, 0);
	ck_assert_int_eq(boot_check(NULL, opened.guest, opened.tree, &opened.err), 0);
	put_guest();
	make_guest("disk1.img");
	inspect(&before, "disk1.img");
	ck_assert_int_eq(boot_check(before.guest, opened.guest, opened.tree, &opened.err), -1);
	ck_assert_int_eq(opened.err.kind, ERROR_GUEST);
	ck_assert_str_eq(opened.err.msg, "the guest has no kernel any more");
}
END_TEST

/* What an update could leave behind: a file is replaced (or removed when content is NULL). */
static const struct defect {
	const char *file, *content;
	const char *message;
	bool compared; /* is it accepted when it was so before? */
} defects[] = {
	{"boot/initrd.img-6.1.0-50-amd64", NULL,
	 "kernel 6.1.0-50-amd64 has no initramfs in /boot; see the log for why its tool made none",
	 true},
	{"boot/initrd.img-6.1.0-50-amd64", "", "initramfs /boot/initrd.img-6.1.0-50-amd64 is empty",
	 false},
	{"boot/initrd.img-6.1.0-50-amd64", "<html>",
	 "initramfs /boot/initrd.img-6.1.0-50-amd64 is neither a cpio archive nor a compressed one",
	 false},
	{"root/usr/lib/modules/6.1.0-9-amd64/modules.dep", NULL,
	 "kernel 6.1.0-9-amd64 has no /lib/modules/6.1.0-9-amd64/modules.dep; see the log for why "
	 "depmod made none",
	 true},
	{"boot/vmlinuz-6.1.0-51-amd64", "kernel",
	 "kernel 6.1.0-51-amd64 has no initramfs in /boot; see the log for why its tool made none",
	 true},
	{"boot/grub/grub.cfg", NULL, "the boot menu of grub2 is gone", true},
	{"boot/grub/grub.cfg", "# empty\n",
	 "kernel 6.1.0-50-amd64 is not in the boot menu of grub2; see the log for why the menu was "
	 "not made anew",
	 true},
};

START_TEST(defects_are_found)
{
	const struct defect *defect = &defects[_i];
	CLEANUP_OPENED struct opened before = {0}, after = {0};
	CLEANUP_FREE char *path = in_work(defect->file);

	put_guest();
	make_guest("before.img");
	if (defect->content)
		put_file(defect->file, defect->content);
	else
		ck_assert_int_eq(unlink(path), 0);
	make_guest("after.img");
	inspect(&before, "before.img");
	inspect(&after, "after.img");
	ck_assert_int_eq(boot_check(before.guest, after.guest, after.tree, &after.err), -1);
	ck_assert_int_eq(after.err.kind, ERROR_GUEST);
	ck_assert_str_eq(after.err.msg, defect->message);
	ck_assert_int_eq(boot_check(after.guest, after.guest, after.tree, &after.err),
			 defect->compared ? 0 : -1);
}
END_TEST

#define ENTRIES(root)                                                                              \
	"menuentry a {\n linux /vmlinuz-6.1.0-50-amd64 " root "\n}\n"                              \
	"menuentry b {\n linux /vmlinuz-6.1.0-9-amd64 root=UUID=" ROOT_UUID "\n}\n"

static const struct {
	const char *config, *message;
} menus[] = {
	{ENTRIES("root=UUID=99999999-0000-4000-8000-000000000000 ro"),
	 "the default boot entry has root=UUID=99999999-0000-4000-8000-000000000000, which is not "
	 "in "
	 "this image"},
	{ENTRIES("root=/dev/sdb1"),
	 "the default boot entry has root=/dev/sdb1, which is not in this image"},
	{ENTRIES("root=/dev/mapper/vg-root"),
	 "the default boot entry has root=/dev/mapper/vg-root, which is not in this image"},
	{ENTRIES("root=UUID=" BOOT_UUID),
	 "the default boot entry has root=UUID=" BOOT_UUID ", which is not the guest's root"},
	{ENTRIES("ro quiet"), "the default boot entry has no root= in its options"},
	{"menuentry x {\n linux /vmlinuz-5.0 root=/dev/sda3\n}\n" ENTRIES("root=/dev/sda3"),
	 "the default boot entry starts kernel 5.0, which is not installed"},
	{"menuentry x {\n chainloader +1\n}\n" ENTRIES("root=/dev/sda3"),
	 "the boot menu of grub2 has no default entry that starts a kernel"},
	{ENTRIES("root=/dev/sda3") "search --fs-uuid --set=root dead-beef\n",
	 "the boot menu names UUID=dead-beef, which is not in this image"},
	{ENTRIES("root=/dev/sda3") "menuentry c {\n linux /vmlinuz-1 root=/dev/sdb7\n}\n",
	 "the boot menu names /dev/sdb7, which is not in this image"},
};

START_TEST(wrong_menus_are_found)
{
	CLEANUP_OPENED struct opened before = {0}, after = {0};

	put_guest();
	make_guest("before.img");
	put_file("boot/grub/grub.cfg", menus[_i].config);
	make_guest("after.img");
	inspect(&before, "before.img");
	inspect(&after, "after.img");
	ck_assert_int_eq(boot_check(before.guest, after.guest, after.tree, &after.err), -1);
	ck_assert_str_eq(after.err.msg, menus[_i].message);
	ck_assert_int_eq(boot_check(NULL, after.guest, after.tree, &after.err), -1);
	ck_assert_str_eq(after.err.msg, menus[_i].message);
	ck_assert_int_eq(boot_check(after.guest, after.guest, after.tree, &after.err), 0);
}
END_TEST

START_TEST(hostile_boot_directory_is_survived)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_guest();
	put_link("boot/grub/grub.cfg", "grub.cfg");
	put_link("boot/initrd.img-6.1.0-9-amd64", "/etc/passwd");
	put_link("boot/vmlinuz-..", "/");
	put_link("root/usr/lib/modules/7.0", "/proc");
	make_guest("disk0.img");
	inspect(&opened, "disk0.img");
	ck_assert_str_eq(opened.guest->boot.loader, "none");
	ck_assert_uint_eq(opened.guest->boot.n_kernels, 4);
	ck_assert_ptr_null(opened.guest->boot.kernels[2].initramfs);
}
END_TEST

START_TEST(firmware_is_told_by_partitions)
{
	CLEANUP_OPENED struct opened uefi = {0}, both = {0};
	static const char esp[] =
		"label: gpt\nstart=2048, size=2048, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n"
		"start=20480, size=16384\n";

	put_guest();
	put_file("root/etc/fstab", "");
	make_disk("disk0.img", 20, esp);
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 10, .size = 8, .from = "root"});
	inspect(&uefi, "disk0.img");
	ck_assert_str_eq(uefi.guest->boot.firmware, "uefi");
	poke("disk0.img", 0, "\xeb\x63\x90", 3);
	inspect(&both, "disk0.img");
	ck_assert(both.guest->disks[0].boot_code);
	ck_assert_str_eq(both.guest->boot.firmware, "both");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("boot");
	TCase *tc = tcase_create("boot");

	tcase_add_checked_fixture(tc, images_setup, images_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, debian_setup_is_read);
	tcase_add_test(tc, saved_default_comes_from_the_environment);
	tcase_add_test(tc, bls_entries_are_read);
	tcase_add_loop_test(tc, systemd_boot_is_read, 0, 3);
	tcase_add_test(tc, default_elsewhere_is_not_guessed);
	tcase_add_test(tc, menu_elsewhere_is_told);
	tcase_add_test(tc, kernel_by_symlink_is_followed);
	tcase_add_test(tc, guest_without_kernel_is_fine);
	tcase_add_loop_test(tc, defects_are_found, 0, sizeof defects / sizeof *defects);
	tcase_add_loop_test(tc, wrong_menus_are_found, 0, sizeof menus / sizeof *menus);
	tcase_add_test(tc, hostile_boot_directory_is_survived);
	tcase_add_test(tc, firmware_is_told_by_partitions);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
