/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is mounted where: the names that fstab gives, and what it means for patching when they are
 * not there or cover one another. */
#include <check.h>
#include <string.h>

#include "guest_fixture.h"
#include "suite.h"

static const char *mountpoint_of(const struct guest *guest, unsigned partition)
{
	for (size_t i = 0; i < guest->n_filesystems; i++)
		if (guest->filesystems[i].partition == partition && guest->filesystems[i].mounted)
			return guest->filesystems[i].mountpoint;
	return "";
}

START_TEST(tags_name_separate_filesystems)
{
	CLEANUP_OPENED struct opened opened = {0};
	struct guest *guest;

	put_file("root/etc/fstab",
		 "UUID=" UUID_A " / ext4 errors=remount-ro 0 1\n"
		 "LABEL=boot\\040fs /boot ext4 defaults 0 2\n"
		 "PARTUUID=33333333-CCCC-4CCC-8CCC-333333333333 /usr ext4 ro 0 2\n"
		 "PARTLABEL=var\\040part /var ext4 defaults 0 2\n"
		 "/dev/disk/by-label/s\\134x2frv /var/lib/srv ext4 nofail 0 2\n"
		 "tmpfs /tmp tmpfs defaults 0 0\n");
	put_link("root/etc/os-release", "../usr/lib/os-release");
	put_link("root/bin", "usr/bin");
	put_file("root/etc/hostname", "  # comment\n\nweb1\n");
	put_file("root/etc/ssh/ssh_host_rsa_key", "x");
	put_file("root/etc/ssh/ssh_host_rsa_key.pub", "x");
	put_file("root/etc/ssh/ssh_host_ed25519_key", "x");
	put_file("root/etc/machine-id", "uninitialized\n");
	put_directory("root/boot");
	put_directory("root/usr");
	put_directory("root/var");
	put_file("boot/marker", "boot");
	put_file("usr/lib/os-release", test_os_release);
	put_program("usr/bin/dash", host_machine());
	put_link("usr/bin/sh", "dash");
	put_directory("var/lib/srv");
	put_file("var/lib/systemd/random-seed", "seed");
	put_file("srv/marker", "srv");
	make_disk("disk0.img", 48,
		  "label: gpt\nlabel-id: 0FC63DAF-8483-4772-8E79-3D69D8477DE4\n"
		  "start=2048, size=16384\n"
		  "start=18432, size=16384\n"
		  "start=34816, size=16384, uuid=33333333-CCCC-4CCC-8CCC-333333333333\n"
		  "start=51200, size=16384, name=\"var part\"\n"
		  "start=67584, size=16384\n");
	make_fs(&(struct test_fs){
		.disk = "disk0.img", .offset = 1, .size = 8, .from = "boot", .label = "boot fs"});
	make_fs(&(struct test_fs){
		.disk = "disk0.img", .offset = 9, .size = 8, .from = "root", .uuid = UUID_A});
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 17, .size = 8, .from = "usr"});
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 25, .size = 8, .from = "var"});
	make_fs(&(struct test_fs){
		.disk = "disk0.img", .offset = 33, .size = 8, .from = "srv", .label = "s/rv"});
	must_open(&opened, NAMES("disk0.img"));
	guest = opened.guest;
	ck_assert_uint_eq(guest->n_filesystems, 5);
	ck_assert_str_eq(mountpoint_of(guest, 1), "/boot");
	ck_assert_str_eq(mountpoint_of(guest, 2), "/");
	ck_assert_str_eq(mountpoint_of(guest, 3), "/usr");
	ck_assert_str_eq(mountpoint_of(guest, 4), "/var");
	ck_assert_str_eq(mountpoint_of(guest, 5), "/var/lib/srv");
	ck_assert_str_eq(guest->filesystems[1].mount_source, "UUID=" UUID_A);
	ck_assert_str_eq(guest->filesystems[1].mount_options, "errors=remount-ro");
	ck_assert_uint_eq(guest->filesystems[2].offset, 17 * MIB);
	ck_assert_uint_eq(guest->filesystems[2].size, 8 * MIB);
	ck_assert_uint_gt(guest->filesystems[2].space.free_bytes, 0);
	ck_assert_str_eq(guest->filesystems[2].partition_type,
			 "0fc63daf-8483-4772-8e79-3d69d8477de4");
	ck_assert_str_eq(guest->disks[0].partition_scheme, "gpt");
	ck_assert_str_eq(guest->disks[0].format, "raw");
	ck_assert_str_eq(guest->os.id, "debian");
	ck_assert_str_eq(guest->os.end_of_life, "2028-06-30");
	ck_assert_str_eq(guest->os.end_of_life_of, "LTS");
	ck_assert_ptr_nonnull(guest->os.architecture);
	ck_assert_str_eq(guest->identity.hostname, "web1");
	ck_assert_int_eq(guest->identity.machine_id, MACHINE_ID_UNINITIALIZED);
	ck_assert_uint_eq(guest->identity.n_ssh_host_keys, 2);
	ck_assert(guest->identity.random_seed);
	ck_assert_uint_eq(guest->n_blockers, 0);
	ck_assert_uint_eq(guest->n_notes, 0);
	ck_assert_uint_eq(tree_n_mounts(opened.tree), 5);
}
END_TEST

START_TEST(device_names_go_by_order_and_number)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_root("root", "/dev/sda5 / ext4 defaults 0 1\n/dev/vda1 /boot ext4 defaults 0 2\n"
			 "/dev/nvme1n1 /var ext4 defaults 0 2\n/dev/hda6 /home ext4 noauto\n");
	put_directory("root/boot");
	put_directory("root/var");
	put_file("boot/marker", "");
	put_file("var/marker", "");
	make_disk("disk0.img", 40,
		  "label: dos\nlabel-id: 0xdeadbeef\nstart=2048, size=16384, type=83, bootable\n"
		  "start=18432, size=61440, type=5\nstart=20480, size=16384, type=83\n"
		  "start=40960, size=16384, type=83\n");
	make_disk("disk1.img", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 1, .size = 8, .from = "boot"});
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 10, .size = 8, .from = "root"});
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 20, .size = 8, .from = "var"});
	make_fs(&(struct test_fs){.disk = "disk1.img", .size = 8, .from = "var"});
	must_open(&opened, NAMES("disk0.img", "disk1.img"));
	ck_assert_str_eq(opened.guest->disks[0].partition_scheme, "mbr");
	ck_assert_str_eq(opened.guest->disks[0].partition_table_id, "deadbeef");
	ck_assert_str_eq(opened.guest->disks[1].partition_scheme, "none");
	ck_assert_str_eq(mountpoint_of(opened.guest, 5), "/");
	ck_assert_str_eq(mountpoint_of(opened.guest, 1), "/boot");
	ck_assert_str_eq(mountpoint_of(opened.guest, 0), "/var");
	ck_assert_str_eq(mountpoint_of(opened.guest, 6), "");
	ck_assert_str_eq(guest_filesystem_at(opened.guest, "/")->partuuid, "deadbeef-05");
	ck_assert_uint_eq(opened.guest->n_blockers, 0);
}
END_TEST

START_TEST(whole_disk_without_fstab)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_small_guest(NULL);
	poke("disk0.img", 0, "data", 4);
	must_open(&opened, NAMES("disk0.img"));
	ck_assert_str_eq(mountpoint_of(opened.guest, 0), "/");
	ck_assert_ptr_null(opened.guest->filesystems[0].partition_type);
	ck_assert(!opened.guest->disks[0].boot_code);
	ck_assert_int_eq(opened.guest->identity.machine_id, MACHINE_ID_MISSING);
	ck_assert_uint_eq(opened.guest->n_notes, 1);
	ck_assert_str_eq(opened.guest->notes[0], "/etc/fstab is not used: there is none");
}
END_TEST

START_TEST(doubled_uuid_is_an_error)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_root("root", "# one\nUUID=" UUID_A " / ext4\n");
	put_file("var/marker", "");
	make_two(UUID_A, UUID_A, "var");
	ck_assert_int_eq(open_disks(&opened, NAMES("disk0.img")), -1);
	ck_assert_int_eq(opened.err.kind, ERROR_IMAGE);
	ck_assert_str_eq(opened.err.msg,
			 "/etc/fstab line 2: UUID=" UUID_A
			 " is carried by partition 1 of disk 1 and by partition 2 of "
			 "disk 1, so that a guest cannot tell them apart; give one of "
			 "them another");
}
END_TEST

static const struct {
	const char *fstab, *code, *message, *note;
} fstab_cases[] = {
	{"UUID=no /var ext4 defaults\n", "unsupported-filesystem",
	 "the guest's /var (UUID=no in /etc/fstab) is not in this image; give all disks of the "
	 "guest",
	 NULL},
	{"/dev/mapper/vg-usr /usr xfs defaults\n", "unsupported-filesystem",
	 "the guest's /usr (/dev/mapper/vg-usr in /etc/fstab) is not in this image; give all disks "
	 "of the guest",
	 NULL},
	{"UUID=no /var ext4 nofail\n", NULL, NULL,
	 "/var (UUID=no in /etc/fstab) is not mounted: it is not in this image; give all disks of "
	 "the guest"},
	{"UUID=no /home ext4 defaults\n", NULL, NULL,
	 "/home (UUID=no in /etc/fstab) is not mounted: it is not in this image; give all disks of "
	 "the guest"},
	{"/dev/sda2 /nothere ext4 defaults\n", "unsupported-filesystem",
	 "the guest's /nothere (/dev/sda2 in /etc/fstab) has no directory to be mounted on; make "
	 "it "
	 "in the guest",
	 NULL},
	{"/dev/sda2 /link ext4 defaults\n", "unsupported-filesystem",
	 "the guest's /link (/dev/sda2 in /etc/fstab) has no directory to be mounted on; make it "
	 "in "
	 "the guest",
	 NULL},
	{"/dev/sda2 /var ext4 defaults\n/dev/sda2 /usr ext4 defaults\n", "unsupported-filesystem",
	 "the guest's /usr (/dev/sda2 in /etc/fstab) is also mounted at /var; leave one of the two "
	 "lines",
	 NULL},
	{"/dev/sda2 /var ext4 defaults\n/dev/sda3 /var ext4 defaults\n", "unsupported-filesystem",
	 "the guest's /var (/dev/sda3 in /etc/fstab) is a second line for this mount point; leave "
	 "one of the two",
	 NULL},
	{"/dev/sda3 /boot vfat defaults\n", "unsupported-filesystem",
	 "the guest's /boot (/dev/sda3 in /etc/fstab) is vfat, which this version does not read; "
	 "patch this guest in another way",
	 NULL},
	{"/dev/sda3 /boot/efi vfat umask=0077\n", NULL, NULL,
	 "/boot/efi (/dev/sda3 in /etc/fstab) is not mounted: it is vfat, which this version does "
	 "not read; patch this guest in another way"},
	{"UUID=no / ext4 defaults\n", NULL, NULL,
	 "/etc/fstab has UUID=no for /, which is not in this image; the file system that holds the "
	 "operating system is used"},
	{"/dev/sda2 / ext4 defaults\n", NULL, NULL,
	 "/etc/fstab has /dev/sda2 for /, which is another file system; the file system that holds "
	 "the operating system is used"},
	{"garbage\n", NULL, NULL, "/etc/fstab line 1: fewer than three fields"},
	{"UUID=no none swap sw\ntmpfs /var/log tmpfs size=1m\ntmpfs /run/x tmpfs mode=755\n"
	 "srv:/x /home nfs ro\n/dev/sr0 /usr/x udf ro\nnone /usr/y none defaults\n",
	 NULL, NULL, NULL},
	{"srv:/x /usr nfs ro\n", "covered-mount-point",
	 "the guest's /usr is covered by srv:/x (nfs in /etc/fstab) when it runs, which is not "
	 "updated with this image; patch this guest in another way",
	 NULL},
	{"/data/opt /opt none bind\n", "covered-mount-point",
	 "the guest's /opt is covered by /data/opt (none in /etc/fstab) when it runs, which is not "
	 "updated with this image; patch this guest in another way",
	 NULL},
	{"/images/usr.img /usr ext4 loop\n", "covered-mount-point",
	 "the guest's /usr is covered by /images/usr.img (ext4 in /etc/fstab) when it runs, which "
	 "is not updated with this image; patch this guest in another way",
	 NULL},
	{"tmpfs /var tmpfs size=1m\n", "covered-mount-point",
	 "the guest's /var is covered by tmpfs (tmpfs in /etc/fstab) when it runs, which is not "
	 "updated with this image; patch this guest in another way",
	 NULL},
	{"/data/sql /var/lib/mysql none bind\n", NULL, NULL,
	 "/var/lib/mysql is covered by /data/sql (none in /etc/fstab) when the guest runs: what an "
	 "update writes there is not seen"},
	{"/a /usr none bind,nofail\n", NULL, NULL,
	 "/usr is covered by /a (none in /etc/fstab) when the guest runs: what an update writes "
	 "there is not seen"},
	{"/dev/sda2 /var ext4 noauto\n", NULL, NULL,
	 "/var (/dev/sda2 in /etc/fstab) is noauto; it is taken as mounted, since packages have "
	 "files there"},
};

static void make_fstab_case(const char *fstab)
{
	CLEANUP_FREE char *path = in_work("disk0.img");

	put_root("root", fstab);
	put_directory("root/var");
	put_directory("root/usr");
	put_directory("root/boot/efi");
	put_link("root/link", "../../../../../../tmp");
	put_file("var/marker", "");
	make_disk("disk0.img", 24,
		  "label: gpt\nstart=2048, size=16384\nstart=18432, size=16384\n"
		  "start=34816, size=8192\nstart=43008, size=2048\n");
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 1, .size = 8, .from = "root"});
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 9, .size = 8, .from = "var"});
	run_tool(NULL, "mkfs.vfat", "--offset", "34816", path, "4096", NULL);
}

START_TEST(fstab_says_what_is_needed)
{
	CLEANUP_OPENED struct opened opened = {0};
	const char *code = fstab_cases[_i].code;

	make_fstab_case(fstab_cases[_i].fstab);
	must_open(&opened, NAMES("disk0.img"));
	ck_assert_uint_eq(opened.guest->n_blockers, code ? 1 : 0);
	if (code)
		ck_assert_str_eq(blocker(opened.guest, code), fstab_cases[_i].message);
	ck_assert_uint_eq(opened.guest->n_notes, fstab_cases[_i].note ? 1 : 0);
	if (fstab_cases[_i].note)
		ck_assert_str_eq(opened.guest->notes[0], fstab_cases[_i].note);
}
END_TEST

START_TEST(noauto_is_not_mounted)
{
	CLEANUP_OPENED struct opened opened = {0};

	make_fstab_case("/dev/sda2 /data ext4 noauto\nUUID=no /usr ext4 noauto\n");
	must_open(&opened, NAMES("disk0.img"));
	ck_assert_uint_eq(tree_n_mounts(opened.tree), 1);
	ck_assert_str_eq(opened.guest->filesystems[1].mountpoint, "/data");
	ck_assert(!opened.guest->filesystems[1].mounted);
	ck_assert_uint_eq(opened.guest->n_blockers, 0);
	ck_assert_uint_eq(opened.guest->n_notes, 1);
}
END_TEST

START_TEST(automount_is_mounted)
{
	CLEANUP_OPENED struct opened opened = {0};

	make_fstab_case("/dev/sda2 /var ext4 noauto,x-systemd.automount\n");
	must_open(&opened, NAMES("disk0.img"));
	ck_assert(opened.guest->filesystems[1].mounted);
	ck_assert_uint_eq(opened.guest->n_notes, 0);
}
END_TEST

/* What lies in the fourth partition that no back end reads. */
static const struct {
	const char *magic, *fstab, *message;
	size_t size;
} unread[] = {
	{"", "/dev/sda4 /var ext4 defaults\n",
	 "the guest's /var (/dev/sda4 in /etc/fstab) is of an unknown type, which this version "
	 "does not read; patch this guest in another way",
	 0},
	{"LUKS\xba\xbe\0\3", "/dev/mapper/secret /var ext4 defaults\n",
	 "the guest's /var (/dev/mapper/secret in /etc/fstab) is not in this image, or is in "
	 "partition 4 of disk0.img, which does not open: version 3 of LUKS is not known",
	 8},
};

START_TEST(what_is_not_read_is_told)
{
	CLEANUP_OPENED struct opened opened = {0};
	const char *code = "unsupported-filesystem";

	make_fstab_case(unread[_i].fstab);
	poke("disk0.img", 43008 * 512, unread[_i].magic, unread[_i].size);
	must_open(&opened, NAMES("disk0.img"));
	ck_assert_uint_eq(opened.guest->n_blockers + opened.guest->n_notes, 1);
	ck_assert_str_eq(opened.guest->n_notes ? opened.guest->notes[0]
					       : blocker(opened.guest, code),
			 unread[_i].message);
}
END_TEST

/* Group descriptors of a file system with 1 KiB blocks. */
static void damage(const char *disk, off_t offset)
{
	char rubbish[1024];

	memset(rubbish, 0xff, sizeof rubbish);
	poke(disk, offset + 2048, rubbish, sizeof rubbish);
}

START_TEST(damaged_filesystem_is_needed)
{
	CLEANUP_OPENED struct opened opened = {0};
	const char *message;

	make_fstab_case("/dev/sda2 /var ext4 defaults\n");
	damage("disk0.img", 9 * MIB);
	must_open(&opened, NAMES("disk0.img"));
	message = blocker(opened.guest, "unsupported-filesystem");
	ck_assert_msg(
		strstr(message, "the guest's /var (/dev/sda2 in /etc/fstab) does not open: ") ==
				message &&
			strstr(message, "; repair it with e2fsck") != NULL,
		"%s", message);
}
END_TEST

START_TEST(damaged_root_is_named)
{
	CLEANUP_OPENED struct opened opened = {0};

	make_fstab_case("");
	damage("disk0.img", 1 * MIB);
	ck_assert_int_eq(open_disks(&opened, NAMES("disk0.img")), -1);
	ck_assert_int_eq(opened.err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(opened.err.msg, "no operating system found: partition 1 of disk0.img "
					     "does not open: ") == opened.err.msg,
		      "%s", opened.err.msg);
	ck_assert_msg(strstr(opened.err.msg, "vfat") == NULL, "%s", opened.err.msg);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest mounts");
	TCase *images = tcase_create("images");

	tcase_add_checked_fixture(images, images_setup, images_teardown);
	tcase_set_timeout(images, 120);
	tcase_add_test(images, tags_name_separate_filesystems);
	tcase_add_test(images, device_names_go_by_order_and_number);
	tcase_add_test(images, whole_disk_without_fstab);
	tcase_add_test(images, doubled_uuid_is_an_error);
	tcase_add_loop_test(images, fstab_says_what_is_needed, 0,
			    sizeof fstab_cases / sizeof *fstab_cases);
	tcase_add_loop_test(images, what_is_not_read_is_told, 0, sizeof unread / sizeof *unread);
	tcase_add_test(images, noauto_is_not_mounted);
	tcase_add_test(images, automount_is_mounted);
	tcase_add_test(images, damaged_filesystem_is_needed);
	tcase_add_test(images, damaged_root_is_named);
	suite_add_tcase(suite, images);
	return suite_run(suite);
}
