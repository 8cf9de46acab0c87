/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which guest is found on disks, and what keeps it from being patched. */
#include <check.h>
#include <string.h>
#include <sys/utsname.h>

#include "guest_fixture.h"
#include "suite.h"

static unsigned foreign_machine(void)
{
	return host_machine() == EM_X86_64 ? EM_AARCH64 : EM_X86_64;
}

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
	TCase *images = tcase_create("images");

	tcase_add_checked_fixture(images, images_setup, images_teardown);
	tcase_set_timeout(images, 120);
	tcase_add_test(images, no_root_is_an_error);
	tcase_add_test(images, deployments_are_no_root);
	tcase_add_test(images, one_line_names_an_old_system);
	tcase_add_test(images, unreadable_candidate_is_named);
	tcase_add_test(images, two_roots_are_an_error);
	tcase_add_test(images, unusable_release_file_is_noted);
	tcase_add_test(images, odd_guests_are_blocked);
	tcase_add_test(images, hibernation_into_a_file_is_seen);
	tcase_add_test(images, guest_without_programs_is_blocked);
	tcase_add_test(images, unclean_filesystem_is_blocked);
	tcase_add_test(images, unclean_filesystem_does_not_open_for_writing);
	tcase_add_test(images, symlinks_stay_inside);
	tcase_add_test(images, writable_tree_can_be_written);
	suite_add_tcase(suite, images);
	return suite_run(suite);
}
