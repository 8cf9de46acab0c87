/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "guest/arch.h"
#include "guest/identity.h"
#include "guest_images.h"
#include "suite.h"

#define UUID_A "11111111-aaaa-4aaa-8aaa-111111111111"
#define UUID_B "22222222-bbbb-4bbb-8bbb-222222222222"

static unsigned host_machine(void)
{
	struct utsname host;

	uname(&host);
	return strcmp(host.machine, "aarch64") == 0 ? EM_AARCH64 : EM_X86_64;
}

static unsigned foreign_machine(void)
{
	return host_machine() == EM_X86_64 ? EM_AARCH64 : EM_X86_64;
}

/* The root of a guest with everything on one file system. */
static void put_root(const char *directory, const char *fstab)
{
	CLEANUP_FREE char *release = xasprintf("%s/etc/os-release", directory);
	CLEANUP_FREE char *table = xasprintf("%s/etc/fstab", directory);
	CLEANUP_FREE char *shell = xasprintf("%s/bin/sh", directory);

	put_file(release, test_os_release);
	if (fstab)
		put_file(table, fstab);
	put_program(shell, host_machine());
}

static void put_small_guest(const char *fstab)
{
	put_root("root", fstab);
	make_disk("disk0.img", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk0.img", .size = 8, .from = "root"});
}

static const char *blocker(const struct guest *guest, const char *code)
{
	for (size_t i = 0; i < guest->n_blockers; i++)
		if (strcmp(guest->blockers[i].code, code) == 0)
			return guest->blockers[i].msg;
	return "";
}

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

START_TEST(no_root_is_an_error)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_file("root/etc/os-release", test_os_release);
	make_disk("disk0.img", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk0.img", .size = 8, .from = "root"});
	ck_assert_int_eq(open_disks(&opened, NAMES("disk0.img")), -1);
	ck_assert_int_eq(opened.err.kind, ERROR_IMAGE);
	ck_assert_str_eq(opened.err.msg, "no operating system found in disk0.img: no file system "
					 "has etc/os-release");
}
END_TEST

START_TEST(deployments_are_no_root)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_file("root/ostree/deploy/os/deploy/0.0/etc/os-release", test_os_release);
	put_directory("root/boot");
	make_disk("disk0.img", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk0.img", .size = 8, .from = "root"});
	ck_assert_int_eq(open_disks(&opened, NAMES("disk0.img")), -1);
	ck_assert_int_eq(opened.err.kind, ERROR_IMAGE);
	ck_assert_str_eq(opened.err.msg,
			 "no operating system found that is made of packages: disk0.img holds "
			 "deployments of OSTree, which are replaced as a whole; update it with its "
			 "own tools (bootc, ostree) and import the result");
}
END_TEST

START_TEST(one_line_names_an_old_system)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_root("root", NULL);
	run_tool(NULL, "rm", in_work("root/etc/os-release"), NULL);
	put_file("root/etc/centos-release", "CentOS release 6.10 (Final)\n");
	put_link("root/etc/redhat-release", "centos-release");
	make_disk("disk0.img", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk0.img", .size = 8, .from = "root"});
	ck_assert_msg(open_disks(&opened, NAMES("disk0.img")) == 0, "%s", opened.err.msg);
	ck_assert_str_eq(opened.guest->os.id, "centos");
	ck_assert_str_eq(opened.guest->os.version_id, "6.10");
	ck_assert_str_eq(opened.guest->os.end_of_life, "2020-11-30");
	ck_assert_str_eq(blocker(opened.guest, "unknown-distribution"), "");
}
END_TEST

START_TEST(unreadable_candidate_is_named)
{
	CLEANUP_OPENED struct opened opened = {0};
	CLEANUP_FREE char *path = in_work("disk0.img");

	make_disk("disk0.img", 320, NULL);
	run_tool(NULL, "mkfs.xfs", "-q", path, NULL);
	ck_assert_int_eq(open_disks(&opened, NAMES("disk0.img")), -1);
	ck_assert_int_eq(opened.err.kind, ERROR_IMAGE);
	ck_assert_str_eq(opened.err.msg, "no operating system found: disk0.img is xfs, which this "
					 "version does not read");
}
END_TEST

static void make_two(const char *uuid_a, const char *uuid_b, const char *second)
{
	make_disk("disk0.img", 24, "label: gpt\nstart=2048, size=16384\nstart=18432, size=16384\n");
	make_fs(&(struct test_fs){
		.disk = "disk0.img", .offset = 1, .size = 8, .from = "root", .uuid = uuid_a});
	make_fs(&(struct test_fs){
		.disk = "disk0.img", .offset = 9, .size = 8, .from = second, .uuid = uuid_b});
}

START_TEST(two_roots_are_an_error)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_root("root", "");
	make_two(UUID_A, UUID_B, "root");
	ck_assert_int_eq(open_disks(&opened, NAMES("disk0.img")), -1);
	ck_assert_int_eq(opened.err.kind, ERROR_IMAGE);
	ck_assert_str_eq(opened.err.msg,
			 "several operating systems found: on partition 1 of disk0.img and on "
			 "partition 2 of disk0.img; an image of one guest has one");
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
		  "start=34816, size=8192\n");
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

START_TEST(unusable_release_file_is_noted)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_root("root", "");
	put_link("root/etc/os-release", "../etc");
	put_file("root/usr/lib/os-release", test_os_release);
	make_disk("disk0.img", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk0.img", .size = 8, .from = "root"});
	must_open(&opened, NAMES("disk0.img"));
	ck_assert_str_eq(opened.guest->os.id, "debian");
	ck_assert_uint_eq(opened.guest->n_notes, 1);
	ck_assert_msg(strstr(opened.guest->notes[0], "/etc/os-release is not used: ") ==
			      opened.guest->notes[0],
		      "%s", opened.guest->notes[0]);
}
END_TEST

START_TEST(odd_guests_are_blocked)
{
	CLEANUP_OPENED struct opened opened = {0};
	CLEANUP_FREE char *expected = NULL;
	struct utsname host;

	uname(&host);
	put_file("root/etc/os-release", "NAME=\"no id\"\n");
	put_file("root/etc/fstab", "/swapfile none swap sw\n");
	put_program("root/bin/sh", foreign_machine());
	put_file("root/swapfile", "");
	make_disk("disk0.img", 24, "label: gpt\nstart=2048, size=16384\nstart=18432, size=8192\n");
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 1, .size = 8, .from = "root"});
	poke("disk0.img", 9 * MIB + 4086, "S1SUSPEND", 10);
	must_open(&opened, NAMES("disk0.img"));
	expected =
		xasprintf("the guest is %s and this host is %s, which does not run its programs; "
			  "patch it on a host of its architecture",
			  foreign_machine() == EM_AARCH64 ? "aarch64" : "x86_64", host.machine);
	ck_assert_str_eq(blocker(opened.guest, "unknown-distribution"),
			 "the guest's os-release has no ID, so that it is not known whose updates "
			 "it takes; mend /etc/os-release in the guest");
	ck_assert_str_eq(blocker(opened.guest, "foreign-architecture"), expected);
	ck_assert_str_eq(blocker(opened.guest, "hibernated"),
			 "the guest is hibernated into partition 2 of disk0.img; start it and shut "
			 "it down, then patch it");
	ck_assert_uint_eq(opened.guest->n_blockers, 3);
}
END_TEST

START_TEST(hibernation_into_a_file_is_seen)
{
	CLEANUP_OPENED struct opened opened = {0};
	char page[8192] = {0};

	memcpy(page + 4086, "LINHIB0001", 10);
	put_bytes("root/swapfile", page, sizeof page);
	put_small_guest("/swapfile none swap sw 0 0\n");
	must_open(&opened, NAMES("disk0.img"));
	ck_assert_str_eq(blocker(opened.guest, "hibernated"),
			 "the guest is hibernated into /swapfile; start it and shut it down, then "
			 "patch it");
}
END_TEST

START_TEST(guest_without_programs_is_blocked)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_file("root/bin/sh", "#!/bin/busybox\n");
	put_file("root/etc/os-release", test_os_release);
	make_disk("disk0.img", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk0.img", .size = 8, .from = "root"});
	must_open(&opened, NAMES("disk0.img"));
	ck_assert_str_eq(
		blocker(opened.guest, "unknown-architecture"),
		"none of the guest's programs (/bin/sh, ...) says for which architecture it "
		"is; check that all its disks were given");
}
END_TEST

START_TEST(unclean_filesystem_is_blocked)
{
	CLEANUP_OPENED struct opened opened = {0};
	CLEANUP_FREE char *path = in_work("disk0.img");
	const char *message;

	put_small_guest("");
	run_tool(NULL, "debugfs", "-w", "-R", "feature quota", path, NULL);
	must_open(&opened, NAMES("disk0.img"));
	message = blocker(opened.guest, "filesystem-not-writable");
	ck_assert_msg(strstr(message, "the guest's / (disk0.img) cannot be written: ") == message,
		      "%s", message);
	ck_assert_msg(strstr(message, "quota") != NULL, "%s", message);
	ck_assert_msg(strstr(message,
			     "; if it was not shut down cleanly, start it and shut it down, "
			     "else patch it in another way") != NULL,
		      "%s", message);
}
END_TEST

START_TEST(unclean_filesystem_does_not_open_for_writing)
{
	CLEANUP_OPENED struct opened opened = {0};
	CLEANUP_FREE char *path = in_work("disk0.img");

	put_small_guest("");
	run_tool(NULL, "debugfs", "-w", "-R", "feature quota", path, NULL);
	ck_assert_int_eq(open_overlay(&opened, "disk0.img"), -1);
	ck_assert_int_eq(opened.err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(opened.err.msg, "overlay.qcow2: ") == opened.err.msg, "%s",
		      opened.err.msg);
	ck_assert_msg(strstr(opened.err.msg, "quota") != NULL, "%s", opened.err.msg);
}
END_TEST

START_TEST(symlinks_stay_inside)
{
	CLEANUP_OPENED struct opened opened = {0};

	put_root("root", NULL);
	put_link("root/etc/os-release", "/../../../../../../../../etc/os-release");
	put_link("root/usr/lib/os-release", "os-release");
	put_link("root/etc/fstab", "fstab");
	put_link("root/etc/hostname", "../../../../../../../../etc/hostname");
	put_link("root/etc/machine-id", "/proc/../etc");
	put_link("root/etc/ssh", "/etc/ssh");
	put_link("root/bin/sh", "/../../bin/../../bin/sh");
	make_disk("disk0.img", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk0.img", .size = 8, .from = "root"});
	must_open(&opened, NAMES("disk0.img"));
	ck_assert_ptr_null(opened.guest->os.id);
	ck_assert_ptr_null(opened.guest->os.architecture);
	ck_assert_ptr_null(opened.guest->identity.hostname);
	ck_assert_int_eq(opened.guest->identity.machine_id, MACHINE_ID_MISSING);
	ck_assert_uint_eq(opened.guest->identity.n_ssh_host_keys, 0);
	ck_assert_uint_ge(opened.guest->n_notes, 1);
	ck_assert_ptr_nonnull(strstr(opened.guest->notes[0], "/etc/fstab is not used: "));
}
END_TEST

START_TEST(json_goes_both_ways)
{
	CLEANUP_OPENED struct opened opened = {0};
	CLEANUP(guest_free)
	struct guest *again = NULL;
	CLEANUP_JSON json_t *json = NULL, *json_again = NULL;
	CLEANUP_FREE char *bytes = NULL, *bytes_again = NULL;

	put_file("root/etc/hostname", "caf\xe9");
	put_small_guest("/dev/sda / ext4 ro\n/dev/sda9 /home ext4 defaults\n/dev/sdb /var ext4\n");
	must_open(&opened, NAMES("disk0.img"));
	json = guest_to_json(opened.guest);
	again = guest_from_json(json, &opened.err);
	ck_assert_msg(again != NULL, "%s", opened.err.msg);
	json_again = guest_to_json(again);
	bytes = json_to_bytes(json);
	bytes_again = json_to_bytes(json_again);
	ck_assert_str_eq(bytes, bytes_again);
	ck_assert_str_eq(again->identity.hostname, "caf\xe9");
	ck_assert_uint_eq(again->n_blockers, 1);
	ck_assert_uint_eq(again->n_notes, 1);
}
END_TEST

/* A whole value, from which each case takes or spoils one member. */
static const struct {
	const char *path[3], *value, *message;
} wrong[] = {
	{{"disks"}, NULL, "guest: member disks is missing"},
	{{"os"}, NULL, "guest: member os is missing"},
	{{"os", "id"}, "1", "guest: os: member id is not a string"},
	{{"os", "id"}, NULL, "guest: os: member id is missing"},
	{{"identity", "machine_id"},
	 "\"odd\"",
	 "guest: member machine_id is not as the schema says"},
	{{"packages", "state"}, "\"xyz\"", "guest: packages: member state is not a sha256 digest"},
	{{"notes"}, "[1]", "guest: member notes holds what is not a string"},
	{{"disks"}, "[1]", "guest: member disks holds what is not an object"},
	{{"disks"}, "[]", "guest: member filesystems is not as the schema says"},
	{{"blockers"}, "[{\"code\":\"x\"}]", "guest: blocker: member msg is missing"},
	{{"boot", "missing"}, NULL, "guest: boot: member missing is missing"},
};

START_TEST(json_is_checked)
{
	struct guest_filesystem fs = {.size = 1};
	struct guest_disk disk = {.format = (char[]){"raw"}, .partition_scheme = (char[]){"none"}};
	struct guest guest = {.disks = &disk, .n_disks = 1, .filesystems = &fs, .n_filesystems = 1};
	CLEANUP_JSON json_t *json = guest_to_json(&guest);
	CLEANUP(guest_free)
	struct guest *sound = NULL;
	struct error err = {0};
	json_t *object = json;
	const char *const *path = wrong[_i].path;

	sound = guest_from_json(json, &err);
	ck_assert_msg(sound != NULL, "%s", err.msg);
	for (; path[1]; path++)
		object = json_object_get(object, path[0]);
	if (wrong[_i].value)
		json_object_set_new(object, path[0],
				    json_loads(wrong[_i].value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(object, path[0]);
	ck_assert_ptr_null(guest_from_json(json, &err));
	ck_assert_int_eq(err.kind, ERROR_BUG);
	ck_assert_str_eq(err.msg, wrong[_i].message);
}
END_TEST

static const struct {
	const char *source;
	unsigned partition;
	size_t disk;
	int result;
} sources[] = {
	{"/dev/sda1", 1, 0, 1},
	{"/dev/vdb2", 2, 1, 1},
	{"/dev/xvdb", 0, 1, 0},
	{"/dev/nvme0n1p1", 1, 0, 1},
	{"/dev/nvme1n1p2", 2, 1, 1},
	{"/dev/nvme0n2p1", 0, 0, 0},
	{"/dev/mmcblk1p2", 2, 1, 1},
	{"/dev/sdc1", 0, 0, 0},
	{"/dev/sda1x", 0, 0, 0},
	{"/dev/sda99999999999", 0, 0, 0},
	{"/dev/sdaaaaaaaaaaaaaaaaaaaaaa1", 0, 0, 0},
	{"/dev/disk/by-id/scsi-x-part1", 0, 0, 0},
	{"UUID=ABCD-0001", 1, 0, 1},
	{"uuid=abcd-0001", 0, 0, 0},
	{"/dev/disk/by-uuid/abcd-0001", 1, 0, 1},
	{"LABEL=root fs", 2, 1, 1},
	{"LABEL=ROOT FS", 0, 0, 0},
	{"LABEL='root fs'", 2, 1, 1},
	{"/dev/disk/by-label/root\\x20fs", 2, 1, 1},
	{"/dev/disk/by-partlabel/p\\x2f1", 1, 0, 1},
	{"PARTUUID=deadbeef-02", 2, 1, 1},
	{"UUID=", 0, 0, 0},
	{"", 0, 0, 0},
};

START_TEST(sources_are_found)
{
	struct guest_disk disks[2] = {0};
	struct guest_filesystem filesystems[2] = {
		{.partition = 1, .uuid = (char[]){"abcd-0001"}, .partlabel = (char[]){"p/1"}},
		{.disk = 1,
		 .partition = 2,
		 .label = (char[]){"root fs"},
		 .partuuid = (char[]){"DEADBEEF-02"}}};
	struct guest guest = {
		.disks = disks, .n_disks = 2, .filesystems = filesystems, .n_filesystems = 2};
	struct error err = {0};
	size_t index = 9;

	ck_assert_int_eq(guest_find_filesystem(&guest, sources[_i].source, &index, &err),
			 sources[_i].result);
	if (sources[_i].result == 0)
		ck_assert_uint_eq(index, 9);
	else
		ck_assert(filesystems[index].disk == sources[_i].disk &&
			  filesystems[index].partition == sources[_i].partition);
}
END_TEST

START_TEST(hardware_names_mean_the_only_disk)
{
	struct guest_disk disk = {0};
	struct guest_filesystem fs = {.partition = 3};
	struct guest guest = {.disks = &disk, .n_disks = 1, .filesystems = &fs, .n_filesystems = 1};
	struct error err = {0};
	size_t index;

	ck_assert_int_eq(guest_find_filesystem(&guest, "/dev/disk/by-id/ata-x-part3", &index, &err),
			 1);
	ck_assert_int_eq(guest_find_filesystem(&guest, "/dev/disk/by-path/p-part2", &index, &err),
			 0);
}
END_TEST

/* A volume is found by its nodes, and is not its first disk as a whole. */
START_TEST(volumes_are_found_and_survive_json)
{
	char *nodes[] = {(char[]){"/dev/mapper/a--b-root"}, (char[]){"/dev/a-b/root"}};
	struct guest_member member = {.partition = 2};
	struct guest_segment segments[] = {{0, 4096, 8192}, {0, 65536, 512}};
	struct guest_volume volume = {.manager = (char[]){"lvm"},
				      .group = (char[]){"a-b"},
				      .group_uuid = (char[]){"g"},
				      .name = (char[]){"root"},
				      .uuid = (char[]){"r"},
				      .nodes = nodes,
				      .n_nodes = 2,
				      .grub = (char[]){"lvmid/g/r"},
				      .members = &member,
				      .n_members = 1,
				      .segments = segments,
				      .n_segments = 2};
	struct guest_disk disk = {.format = (char[]){"raw"}, .partition_scheme = (char[]){"gpt"}};
	struct guest_filesystem fs = {.size = 8704, .volume = &volume};
	struct guest guest = {.disks = &disk, .n_disks = 1, .filesystems = &fs, .n_filesystems = 1};
	CLEANUP_JSON json_t *json = guest_to_json(&guest);
	CLEANUP_JSON json_t *again_json = NULL;
	struct error err = {0};
	CLEANUP(guest_free)
	struct guest *again = guest_from_json(json, &err);
	size_t index = 9;

	ck_assert_msg(again != NULL, "%s", err.msg);
	again_json = guest_to_json(again);
	ck_assert(json_equal(json, again_json));
	ck_assert_int_eq(guest_find_filesystem(again, "/dev/a-b/root", &index, &err), 1);
	ck_assert_int_eq(guest_find_filesystem(again, "/dev/mapper/a--b-root", &index, &err), 1);
	ck_assert_int_eq(guest_find_filesystem(again, "/dev/mapper/a-b-root", &index, &err), 0);
	ck_assert_int_eq(guest_find_filesystem(again, "/dev/sda", &index, &err), 0);
	segments[1].disk = 1;
	json_decref(again_json);
	again_json = guest_to_json(&guest);
	ck_assert_ptr_null(guest_from_json(again_json, &err));
	ck_assert_str_eq(err.msg, "guest: member volume is not as the schema says");
}
END_TEST

START_TEST(architectures_are_told)
{
	unsigned char header[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

	header[18] = EM_AARCH64;
	ck_assert_str_eq(arch_of_elf(header, sizeof header), "aarch64");
	ck_assert_ptr_null(arch_of_elf(header, 40));
	header[18] = 1;
	ck_assert_ptr_null(arch_of_elf(header, sizeof header));
	header[18] = EM_X86_64;
	ck_assert_str_eq(arch_of_elf(header, sizeof header), "x86_64");
	header[18] = EM_PPC64;
	ck_assert_str_eq(arch_of_elf(header, sizeof header), "ppc64le");
	header[4] = 1;
	header[18] = EM_386;
	ck_assert_str_eq(arch_of_elf(header, sizeof header), "i686");
	header[18] = EM_ARM;
	ck_assert_str_eq(arch_of_elf(header, sizeof header), "armel");
	header[37] = 4;
	ck_assert_str_eq(arch_of_elf(header, sizeof header), "armhf");
	header[4] = 2;
	header[5] = 2;
	header[18] = 0;
	header[19] = EM_S390;
	ck_assert_str_eq(arch_of_elf(header, sizeof header), "s390x");
	ck_assert_ptr_null(arch_of_elf((const unsigned char *)"#!/bin/sh", 9));
	ck_assert(arch_runs_on("x86_64", "x86_64"));
	ck_assert(arch_runs_on("i686", "x86_64"));
	ck_assert(!arch_runs_on("x86_64", "i686"));
	ck_assert(!arch_runs_on("aarch64", "x86_64"));
	ck_assert(!arch_runs_on("armhf", "aarch64"));
}
END_TEST

START_TEST(machine_id_has_four_states)
{
	ck_assert_int_eq(machine_id_state_of(NULL, 0), MACHINE_ID_EMPTY);
	ck_assert_int_eq(machine_id_state_of("\n", 1), MACHINE_ID_EMPTY);
	ck_assert_int_eq(machine_id_state_of("uninitialized\n", 14), MACHINE_ID_UNINITIALIZED);
	ck_assert_int_eq(machine_id_state_of("0123\n", 5), MACHINE_ID_SET);
}
END_TEST

START_TEST(writable_tree_can_be_written)
{
	CLEANUP_OPENED struct opened opened = {0};
	struct tree_node node;
	const char text[] = "written";

	put_file("root/marker", "");
	put_small_guest("");
	ck_assert_msg(open_overlay(&opened, "disk0.img") == 0, "%s", opened.err.msg);
	ck_assert_int_eq(tree_lookup(opened.tree, "/marker", TREE_NOFOLLOW, &node, &opened.err), 1);
	ck_assert_int_eq(fs_write(node.fs, node.ino, text, sizeof text, 0, &opened.err), 0);
	ck_assert_int_eq(fs_flush(node.fs, &opened.err), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest");
	TCase *values = tcase_create("values"), *images = tcase_create("images");

	tcase_add_loop_test(values, json_is_checked, 0, sizeof wrong / sizeof *wrong);
	tcase_add_loop_test(values, sources_are_found, 0, sizeof sources / sizeof *sources);
	tcase_add_test(values, hardware_names_mean_the_only_disk);
	tcase_add_test(values, volumes_are_found_and_survive_json);
	tcase_add_test(values, architectures_are_told);
	tcase_add_test(values, machine_id_has_four_states);
	suite_add_tcase(suite, values);
	tcase_add_checked_fixture(images, images_setup, images_teardown);
	tcase_set_timeout(images, 120);
	tcase_add_test(images, tags_name_separate_filesystems);
	tcase_add_test(images, device_names_go_by_order_and_number);
	tcase_add_test(images, whole_disk_without_fstab);
	tcase_add_test(images, no_root_is_an_error);
	tcase_add_test(images, deployments_are_no_root);
	tcase_add_test(images, one_line_names_an_old_system);
	tcase_add_test(images, unreadable_candidate_is_named);
	tcase_add_test(images, two_roots_are_an_error);
	tcase_add_test(images, doubled_uuid_is_an_error);
	tcase_add_loop_test(images, fstab_says_what_is_needed, 0,
			    sizeof fstab_cases / sizeof *fstab_cases);
	tcase_add_test(images, noauto_is_not_mounted);
	tcase_add_test(images, automount_is_mounted);
	tcase_add_test(images, damaged_filesystem_is_needed);
	tcase_add_test(images, damaged_root_is_named);
	tcase_add_test(images, unusable_release_file_is_noted);
	tcase_add_test(images, odd_guests_are_blocked);
	tcase_add_test(images, hibernation_into_a_file_is_seen);
	tcase_add_test(images, guest_without_programs_is_blocked);
	tcase_add_test(images, unclean_filesystem_is_blocked);
	tcase_add_test(images, unclean_filesystem_does_not_open_for_writing);
	tcase_add_test(images, symlinks_stay_inside);
	tcase_add_test(images, json_goes_both_ways);
	tcase_add_test(images, writable_tree_can_be_written);
	suite_add_tcase(suite, images);
	return suite_run(suite);
}
