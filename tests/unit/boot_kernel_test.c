/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new kernel must bring, and what its installation is to find in a guest. */
#include <check.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "boot/boot.h"
#include "boot/initramfs.h"
#include "boot/install.h"
#include "guest_images.h"
#include "suite.h"

#define ROOT_UUID "11111111-aaaa-4aaa-8aaa-111111111111"
#define DATA_UUID "22222222-bbbb-4bbb-8bbb-222222222222"
#define ID	  "0123456789abcdef0123456789abcdef"

enum { FILE_SIZE = 10 };

static void pad(struct buffer *archive)
{
	while (archive->len % 4)
		buffer_append(archive, "", 1);
}

static void add_member(struct buffer *archive, const char *name, unsigned size)
{
	buffer_printf(archive, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1,
		      0100644, 0, 0, 1, 0, size, 0, 0, 0, 0, (unsigned)strlen(name) + 1, 0);
	buffer_append(archive, name, strlen(name) + 1);
	pad(archive);
	for (unsigned i = 0; i < size; i++)
		buffer_append(archive, "x", 1);
	pad(archive);
}

/* The names, separated by blanks, as one archive. */
static void make_archive(const char *names, struct buffer *ret)
{
	CLEANUP_FREE char *copy = xstrdup(names);
	char *rest = NULL;

	for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		add_member(ret, name, FILE_SIZE);
	add_member(ret, "TRAILER!!!", 0);
}

static void compress_with(const char *tool, const char *suffix, struct buffer *archive)
{
	CLEANUP_FREE char *plain = in_work("archive"), *packed = xasprintf("%s%s", plain, suffix);
	struct error err = {0};

	put_bytes("archive", archive->data, archive->len);
	run_tool(NULL, tool, "-q", "-k", "-f", plain, NULL);
	buffer_clear(archive);
	ck_assert_int_eq(file_read(packed, 1 << 20, archive, &err), 0);
}

static void collect(void *opaque, const char *name, uint64_t size)
{
	ck_assert_uint_eq(size, FILE_SIZE);
	buffer_printf(opaque, " %s", name);
}

static const struct {
	const char *tool, *suffix;
} packers[] = {{NULL, NULL}, {"gzip", ".gz"}, {"xz", ".xz"}, {"zstd", ".zst"}, {"bzip2", ".bz2"}};

START_TEST(names_of_archives_are_read)
{
	CLEANUP_BUFFER struct buffer whole = {0}, archive = {0}, names = {0};
	struct error err = {0};

	make_archive("kernel/x86/microcode/a.bin", &whole);
	for (int i = 0; i < 300; i++) /* padding, as cpio writes it */
		buffer_append(&whole, "", 1);
	make_archive("init usr/lib/modules/6.1/kernel/drivers/nvme/host/nvme.ko.xz", &archive);
	if (packers[_i].tool)
		compress_with(packers[_i].tool, packers[_i].suffix, &archive);
	buffer_append(&whole, archive.data, archive.len);
	ck_assert_int_eq(initramfs_each_name(whole.data, whole.len, collect, &names, &err), 1);
	ck_assert_str_eq(names.data, " kernel/x86/microcode/a.bin init "
				     "usr/lib/modules/6.1/kernel/drivers/nvme/host/nvme.ko.xz");
	ck_assert_int_eq(
		initramfs_each_name(whole.data, whole.len - archive.len / 2, collect, &names, &err),
		-1);
	ck_assert_int_eq(err.kind, ERROR_GUEST);
}
END_TEST

START_TEST(damaged_archives_are_told)
{
	CLEANUP_BUFFER struct buffer archive = {0}, names = {0};
	struct error err = {0};

	make_archive("init", &archive);
	buffer_puts(&archive, "<html>");
	ck_assert_int_eq(initramfs_each_name(archive.data, archive.len, collect, &names, &err), -1);
	ck_assert_str_eq(err.msg, "holds something that is no archive of the kernel's");
	archive.len = 100;
	ck_assert_int_eq(initramfs_each_name(archive.data, archive.len, collect, &names, &err), -1);
	ck_assert_str_eq(err.msg, "ends in the middle");
	archive.data[94] = 'g';
	archive.len = 130;
	ck_assert_int_eq(initramfs_each_name(archive.data, archive.len, collect, &names, &err), -1);
	ck_assert_str_eq(err.msg, "not a whole cpio archive");
	ck_assert_int_eq(initramfs_each_name("\x02\x21\x4c\x18....", 8, collect, &names, &err), 0);
	ck_assert_int_eq(initramfs_each_name("", 0, collect, &names, &err), 1);
}
END_TEST

/* A guest with BLS entries, and on disk a second file system. */
static void put_kernel(const char *version, const char *options, const char *in_initramfs)
{
	CLEANUP_FREE char *image = xasprintf("root/boot/vmlinuz-%s", version);
	CLEANUP_FREE char *initrd = xasprintf("root/boot/initramfs-%s.img", version);
	CLEANUP_FREE char *modules = xasprintf("root/lib/modules/%s/modules.dep", version);
	CLEANUP_FREE char *entry = xasprintf("root/boot/loader/entries/" ID "-%s.conf", version);
	CLEANUP_FREE char *text = xasprintf("title x\nversion %s\nlinux /boot/vmlinuz-%s\n"
					    "initrd /boot/initramfs-%s.img\noptions %s\n",
					    version, version, version, options);
	CLEANUP_BUFFER struct buffer archive = {0};

	make_archive(in_initramfs, &archive);
	put_file(image, "kernel");
	put_bytes(initrd, archive.data, archive.len);
	put_file(modules, "kernel/drivers/block/virtio_blk.ko.xz: kernel/a.ko.xz\n"
			  "kernel/drivers/block/xen-blkfront.ko.xz:\nkernel/fs/ext4/ext4.ko.xz:\n");
	put_file(entry, text);
}

#define OPTIONS "root=UUID=" ROOT_UUID " ro quiet"
#define DRIVERS "init m/xen-blkfront.ko.xz m/ext4.ko.xz"

static void put_guest(const char *machine_id)
{
	put_file("root/etc/os-release", test_os_release);
	put_file("root/etc/fstab", "UUID=" ROOT_UUID " / ext4\nUUID=" DATA_UUID " /data ext4\n");
	put_program("root/usr/bin/sh", EM_X86_64);
	put_link("root/bin", "usr/bin");
	if (machine_id)
		put_file("root/etc/machine-id", machine_id);
	put_file("root/boot/grub2/grub.cfg", "set default=\"${saved_entry}\"\nblscfg\n");
	put_file("root/boot/grub2/grubenv",
		 "saved_entry=" ID "-5.1\nkernelopts=root=UUID=" ROOT_UUID " ro env\n");
	put_directory("data");
	put_kernel("5.1", OPTIONS " $tuned_params", DRIVERS);
}

static void make_guest(const char *disk)
{
	make_disk(disk, 20, "label: dos\nstart=2048, size=20480\nstart=22528, size=16384\n");
	make_fs(&(struct test_fs){
		.disk = disk, .offset = 1, .size = 10, .from = "root", .uuid = ROOT_UUID});
	make_fs(&(struct test_fs){
		.disk = disk, .offset = 11, .size = 8, .from = "data", .uuid = DATA_UUID});
}

static void inspect(struct opened *opened, const char *disk)
{
	must_open(opened, NAMES(disk));
	ck_assert_msg(boot_inspect(opened->tree, NULL, opened->guest, &opened->err) == 0, "%s",
		      opened->err.msg);
}

static const struct {
	const char *options, *in_initramfs, *message;
} new_kernels[] = {
	{OPTIONS, DRIVERS, NULL},
	{"quiet", DRIVERS, "the boot entry of kernel 5.2 has no root= in its options"},
	{"root=UUID=" DATA_UUID, DRIVERS,
	 "the boot entry of kernel 5.2 has root=UUID=" DATA_UUID ", which is not the guest's root"},
	{"root=/dev/nvme9n1p1", DRIVERS,
	 "the boot menu names /dev/nvme9n1p1, which is not in this image"},
	{OPTIONS, "init m/ext4.ko.xz",
	 "initramfs /boot/initramfs-5.2.img holds no driver of a disk; see the log for what its "
	 "tool said"},
	{OPTIONS, "init m/virtio_blk.ko",
	 "initramfs /boot/initramfs-5.2.img lacks the driver of the root's file system, ext4; see "
	 "the log for what its tool said"},
};

START_TEST(new_kernels_are_checked)
{
	CLEANUP_OPENED struct opened before = {0}, after = {0};
	const char *message = new_kernels[_i].message;
	int status;

	put_guest("");
	make_guest("before.img");
	put_kernel("5.2", new_kernels[_i].options, new_kernels[_i].in_initramfs);
	make_guest("after.img");
	inspect(&before, "before.img");
	inspect(&after, "after.img");
	status = boot_check(before.guest, after.guest, after.tree, &after.err);
	ck_assert_str_eq(status < 0 ? after.err.msg : "", message ? message : "");
	ck_assert_int_eq(status, message ? -1 : 0);
	if (message)
		ck_assert_int_eq(after.err.kind, ERROR_GUEST);
	/* What was there before is not ours. */
	ck_assert_int_eq(boot_check(after.guest, after.guest, after.tree, &after.err), 0);
}
END_TEST

START_TEST(damaged_initramfs_of_a_new_kernel_is_told)
{
	CLEANUP_OPENED struct opened before = {0}, after = {0};

	put_guest("");
	make_guest("before.img");
	put_kernel("5.2", OPTIONS, DRIVERS);
	put_file("root/boot/initramfs-5.2.img", "070701 and no more");
	make_guest("after.img");
	inspect(&before, "before.img");
	inspect(&after, "after.img");
	ck_assert_int_eq(boot_check(before.guest, after.guest, after.tree, &after.err), -1);
	ck_assert_str_eq(after.err.msg, "initramfs /boot/initramfs-5.2.img: ends in the middle");
}
END_TEST

/* Made for one machine, perhaps, whose driver we do not know. */
START_TEST(what_the_default_kernel_lacks_is_not_ours)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_guest("");
	put_kernel("5.1", OPTIONS, "init m/some-raid.ko");
	make_guest("disk.img");
	inspect(&opened, "disk.img");
	ck_assert_str_eq(opened.guest->boot.default_kernel, "5.1");
	ck_assert_msg(boot_check(opened.guest, opened.guest, opened.tree, &opened.err) == 0, "%s",
		      opened.err.msg);
}
END_TEST

static void read_install(const char *disk, struct boot_install *ret)
{
	CLEANUP_OPENED struct opened opened = {0};

	make_guest(disk);
	inspect(&opened, disk);
	ck_assert_msg(boot_install_read(opened.tree, opened.guest, ret, &opened.err) == 0, "%s",
		      opened.err.msg);
}

static const struct {
	const char *machine_id, *lent;
} machine_ids[] = {
	{NULL, ID},
	{"", ID},
	{"uninitialized\n", ID},
	{"fedcba9876543210fedcba9876543210\n", NULL},
};

START_TEST(a_machine_id_is_lent_where_there_is_none)
{
	CLEANUP_BOOT_INSTALL struct boot_install install = {0};

	put_guest(machine_ids[_i].machine_id);
	read_install("disk.img", &install);
	ck_assert_str_eq(install.options, OPTIONS);
	ck_assert_pstr_eq(install.machine_id, machine_ids[_i].lent);
}
END_TEST

static void remove_file(const char *name)
{
	CLEANUP_FREE char *path = in_work(name);

	ck_assert_int_eq(unlink(path), 0);
}

START_TEST(the_command_line_is_the_guests)
{
	CLEANUP_BOOT_INSTALL struct boot_install other = {0}, env = {0}, defaults = {0}, none = {0};

	/* The default entry has no root: another one has. */
	put_guest("");
	put_kernel("5.1", "quiet", DRIVERS);
	put_kernel("5.0", "BOOT_IMAGE=/x initrd=/y " OPTIONS " old", DRIVERS);
	read_install("other.img", &other);
	ck_assert_str_eq(other.options, OPTIONS " old");
	put_kernel("5.0", "quiet", DRIVERS);
	read_install("env.img", &env);
	ck_assert_str_eq(env.options, "root=UUID=" ROOT_UUID " ro env");
	put_file("root/boot/grub2/grubenv", "saved_entry=x\n");
	put_file("root/etc/default/grub",
		 "GRUB_CMDLINE_LINUX=no\nGRUB_CMDLINE_LINUX_DEFAULT=\"neither\"\n"
		 "GRUB_CMDLINE_LINUX=\"console=ttyS0  crashkernel=auto\"\n");
	read_install("defaults.img", &defaults);
	ck_assert_str_eq(defaults.options,
			 "root=UUID=" ROOT_UUID " ro console=ttyS0 crashkernel=auto");
	/* A guest whose boot loader knows nothing of kernel-install is lent no machine-id. */
	remove_file("root/boot/loader/entries/" ID "-5.0.conf");
	remove_file("root/boot/loader/entries/" ID "-5.1.conf");
	remove_file("root/etc/default/grub");
	read_install("none.img", &none);
	ck_assert_str_eq(none.options, "root=UUID=" ROOT_UUID " ro");
	ck_assert_ptr_null(none.machine_id);
}
END_TEST

START_TEST(entries_of_other_names_get_an_id_of_the_root)
{
	CLEANUP_BOOT_INSTALL struct boot_install first = {0}, second = {0};
	CLEANUP_FREE char *from = in_work("root/boot/loader/entries/" ID "-5.1.conf");
	CLEANUP_FREE char *to = in_work("root/boot/loader/entries/fedora-5.1.conf");

	put_guest("");
	ck_assert_int_eq(rename(from, to), 0);
	read_install("first.img", &first);
	read_install("second.img", &second);
	ck_assert_uint_eq(strspn(first.machine_id, "0123456789abcdef"), 32);
	ck_assert_uint_eq(strlen(first.machine_id), 32);
	ck_assert_str_eq(first.machine_id, second.machine_id);
}
END_TEST

START_TEST(a_lent_machine_id_is_not_the_token_of_systemd_boot)
{
	CLEANUP_BOOT_INSTALL struct boot_install install = {0};

	put_guest("");
	remove_file("root/boot/grub2/grub.cfg");
	remove_file("root/boot/grub2/grubenv");
	read_install("disk.img", &install);
	ck_assert_str_eq(install.entry_token, ID);
	ck_assert_uint_eq(strspn(install.machine_id, "0123456789abcdef"), 32);
	ck_assert_str_ne(install.machine_id, ID);
}
END_TEST

START_TEST(the_guests_own_entry_token_is_not_covered)
{
	CLEANUP_BOOT_INSTALL struct boot_install install = {0};

	put_guest("");
	remove_file("root/boot/grub2/grub.cfg");
	remove_file("root/boot/grub2/grubenv");
	put_file("root/etc/kernel/entry-token", "fedora\n");
	read_install("disk.img", &install);
	ck_assert_ptr_null(install.entry_token);
	ck_assert_uint_eq(strspn(install.machine_id, "0123456789abcdef"), 32);
	ck_assert_str_ne(install.machine_id, ID);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("boot of new kernels");
	TCase *tc = tcase_create("boot of new kernels");

	tcase_add_checked_fixture(tc, images_setup, images_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, names_of_archives_are_read, 0, sizeof packers / sizeof *packers);
	tcase_add_test(tc, damaged_archives_are_told);
	tcase_add_loop_test(tc, new_kernels_are_checked, 0,
			    sizeof new_kernels / sizeof *new_kernels);
	tcase_add_test(tc, damaged_initramfs_of_a_new_kernel_is_told);
	tcase_add_test(tc, what_the_default_kernel_lacks_is_not_ours);
	tcase_add_loop_test(tc, a_machine_id_is_lent_where_there_is_none, 0,
			    sizeof machine_ids / sizeof *machine_ids);
	tcase_add_test(tc, the_command_line_is_the_guests);
	tcase_add_test(tc, entries_of_other_names_get_an_id_of_the_root);
	tcase_add_test(tc, a_lent_machine_id_is_not_the_token_of_systemd_boot);
	tcase_add_test(tc, the_guests_own_entry_token_is_not_covered);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
