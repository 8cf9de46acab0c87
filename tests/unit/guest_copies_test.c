/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guests with file systems that only an appliance reads, where there is no appliance: which of them
 * are left alone, and what is said of copies that do not fit.  Copies that do: tests/image. */
#include <check.h>
#include <string.h>

#include "fs/copies_impl.h"
#include "guest_fixture.h"
#include "suite.h"

static bool wanted;

/* The second partition begins like a file system of that type. */
static void make_guest(const char *magic, off_t offset, const char *fstab)
{
	put_root("root", fstab);
	put_directory("root/var");
	make_disk("disk0.img", 12, "label: gpt\nstart=2048, size=16384\nstart=18432, size=4096\n");
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 1, .size = 8, .from = "root"});
	poke("disk0.img", 9 * MIB + offset, magic, strlen(magic));
}

static int open_without_appliance(struct opened *opened)
{
	CLEANUP_FREE char *path = in_work("disk0.img");
	const struct copies_host host = {.work_dir = work,
					 .identity = "x",
					 .runner = "none",
					 .appliance_cache = "none",
					 .ret_wanted = &wanted};
	const struct guest_access access = {.copies = &host};

	wanted = false;
	add_disk(opened, path, NULL, false);
	return guest_open((const struct image *const *)opened->images, opened->blocks, 1, &access,
			  &opened->guest, &opened->tree, &opened->err);
}

static const struct {
	const char *magic, *fstab, *note;
	off_t offset;
} alone[] = {
	{"XFSB", "/dev/sda2 /home xfs defaults\n",
	 "/home (/dev/sda2 in /etc/fstab) is not mounted: it is left alone: only an appliance "
	 "reads "
	 "it, and the system does not need it",
	 0},
	{"_BHRfS_M", "/dev/sda2 /home btrfs subvol=home\n",
	 "/home (/dev/sda2 in /etc/fstab) is not mounted: it is a part of a file system that was "
	 "not read",
	 0x10040},
	{"XFSB", "/dev/sda2 /data xfs noauto\n",
	 "/data (/dev/sda2 in /etc/fstab) is not mounted: it is left alone: only an appliance "
	 "reads it, and the system does not need it",
	 0},
};

START_TEST(what_is_not_needed_is_left_alone)
{
	CLEANUP_OPENED struct opened opened = {0};

	make_guest(alone[_i].magic, alone[_i].offset, alone[_i].fstab);
	ck_assert_msg(open_without_appliance(&opened) == 0, "%s", opened.err.msg);
	ck_assert(!wanted);
	ck_assert_uint_eq(opened.guest->n_blockers, 0);
	ck_assert_uint_eq(opened.guest->n_notes, 1);
	ck_assert_str_eq(opened.guest->notes[0], alone[_i].note);
}
END_TEST

static const char *const needed[] = {
	"/dev/sda2 /var xfs defaults\n",
	"/dev/sda2 /var xfs noauto\n",
	"/dev/sda2 /data xfs noauto,x-systemd.automount\n",
};

START_TEST(what_is_needed_is_asked_for)
{
	CLEANUP_OPENED struct opened opened = {0};

	make_guest("XFSB", 0, needed[_i]);
	ck_assert_int_eq(open_without_appliance(&opened), -1);
	ck_assert(wanted);
	ck_assert_int_eq(opened.err.kind, ERROR_MISSING);
	ck_assert_str_eq(opened.err.msg, "its file systems are read by an appliance, which has not "
					 "been done yet");
}
END_TEST

static void put_copies(const char *trees)
{
	CLEANUP_FREE char *path = in_work("copies.x/" COPIES_IMAGE);

	put_file("copies.x/" COPIES_TREES, trees);
	run_tool(NULL, "mke2fs", "-q", "-F", "-t", "ext4", path, "4096k", NULL);
}

#define SPACE                                                                                      \
	"\"block_size\": 4096, \"free_bytes\": 1, \"total_bytes\": 2, \"free_inodes\": 1, "        \
	"\"total_inodes\": 2"

static const struct {
	const char *trees, *message;
} copies[] = {
	{"{\"trees\": [{\"volume\": 1, \"part\": null, \"problem\": \"x\"}]}",
	 "the copies are of another image"},
	{"{\"trees\": [{\"volume\": 0, \"part\": null, " SPACE "}]}",
	 "the copies are not complete"},
	{"{\"trees\": [{\"volume\": 0, \"part\": null}]}",
	 "trees.json: member block_size is missing"},
};

START_TEST(copies_that_do_not_fit_are_refused)
{
	CLEANUP_OPENED struct opened opened = {0};

	make_guest("XFSB", 0, "/dev/sda2 /var xfs defaults\n");
	put_copies(copies[_i].trees);
	ck_assert_int_eq(open_without_appliance(&opened), -1);
	ck_assert_int_eq(opened.err.kind, ERROR_IMAGE);
	ck_assert_str_eq(opened.err.msg, copies[_i].message);
}
END_TEST

START_TEST(one_that_did_not_mount_is_told)
{
	CLEANUP_OPENED struct opened opened = {0};

	make_guest("XFSB", 0, "/dev/sda2 /var xfs defaults\n");
	put_copies(
		"{\"trees\": [{\"volume\": 0, \"part\": null, \"problem\": \"bad superblock\"}]}");
	ck_assert_msg(open_without_appliance(&opened) == 0, "%s", opened.err.msg);
	ck_assert_str_eq(
		blocker(opened.guest, "unsupported-filesystem"),
		"the guest's /var (/dev/sda2 in /etc/fstab) does not open: bad superblock; "
		"repair it with xfs_repair");
}
END_TEST

#define N(array) (int)(sizeof(array) / sizeof *(array))

int main(void)
{
	Suite *suite = suite_create("guest copies");
	TCase *tests = tcase_create("copies");

	tcase_add_checked_fixture(tests, images_setup, images_teardown);
	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, what_is_not_needed_is_left_alone, 0, N(alone));
	tcase_add_loop_test(tests, what_is_needed_is_asked_for, 0, N(needed));
	tcase_add_loop_test(tests, copies_that_do_not_fit_are_refused, 0, N(copies));
	tcase_add_test(tests, one_that_did_not_mount_is_told);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
