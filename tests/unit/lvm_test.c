/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volume groups and their members: maps, labels and extents on devices, sound and otherwise.  What
 * LVM itself writes is read in tests/image/lvm.sh. */
#include <check.h>
#include <string.h>

#include "disk/volume.h"
#include "lvm_disk.h"
#include "lvm_maps.h"
#include "suite.h"

static struct error err;
static struct lvm_disk *disks[3];
static struct volume_set set;

static void set_up(void)
{
	err = (struct error){0};
	for (size_t i = 0; i < 3; i++)
		disks[i] = lvm_disk_new();
}

static void tear_down(void)
{
	volume_set_free(&set);
	for (size_t i = 0; i < 3; i++)
		block_free(&disks[i]->block);
}

static void put_group(size_t disk, const char *uuid, const char *text, uint64_t offset)
{
	CLEANUP_FREE char *whole = xasprintf("%s%s", head, text);

	lvm_put_label(disks[disk], uuid);
	lvm_put_text(disks[disk], whole, offset);
}

static void find_among(size_t n)
{
	static const char *const places[] = {"first", "second", "third"};
	struct volume_member members[3];

	for (size_t i = 0; i < n; i++)
		members[i] = (struct volume_member){&disks[i]->block, places[i]};
	volume_set_free(&set);
	ck_assert_msg(volumes_find(members, n, &set, &err) == 0, "%s", err.msg);
}

static void must_not_read(const char *reason)
{
	ck_assert_uint_ge(set.n_volumes, 1);
	ck_assert_ptr_nonnull(set.volumes[0].why_not_read);
	ck_assert_msg(strstr(set.volumes[0].why_not_read, reason) != NULL, "%s",
		      set.volumes[0].why_not_read);
	ck_assert_uint_eq(set.volumes[0].n_segments, 0);
}

START_TEST(a_group_over_two_disks)
{
	const struct volume *volume;

	put_group(0, PV0, GOOD("3"), 4096);
	put_group(2, PV1, GOOD("3"), 512);
	find_among(3);
	ck_assert_uint_eq(set.n_volumes, 1);
	volume = &set.volumes[0];
	ck_assert_msg(!volume->why_not_read, "%s", volume->why_not_read);
	ck_assert_str_eq(volume->manager, "lvm");
	ck_assert_uint_eq(volume->n_segments, 2);
	ck_assert_uint_eq(volume->segments[1].member, 2);
	ck_assert_uint_eq(volume->n_members, 2);
	ck_assert_str_eq(volume->nodes[0], "/dev/mapper/vg-root");
	ck_assert_str_eq(volume->nodes[1], "/dev/vg/root");
	ck_assert_str_eq(volume->grub, "lvmid/" ID("g") "/" ID("r"));
	for (size_t i = 0; i < set.n_problems; i++)
		ck_assert_ptr_null(set.problems[i]);
}
END_TEST

START_TEST(dashes_are_doubled)
{
	put_group(0, PV0,
		  GROUP("my-vg", "g", "1",
			"physical_volumes { " PV("pv0", "a", "") "}" LVS(
				LV("the--lv", "r", RW, "1", LINEAR("1", "0", "1", "pv0", "0")))),
		  512);
	find_among(1);
	ck_assert_str_eq(set.volumes[0].nodes[0], "/dev/mapper/my--vg-the----lv");
	ck_assert_str_eq(set.volumes[0].nodes[1], "/dev/my-vg/the--lv");
	ck_assert_str_eq(set.volumes[0].nodes[2], "/dev/disk/by-id/dm-name-my--vg-the----lv");
}
END_TEST

START_TEST(the_newest_map_counts)
{
	put_group(0, PV0, GOOD("3"), 512);
	put_group(1, PV1,
		  GROUP("vg", "g", "4",
			PVS LVS(LV("newer", "r", RW, "1", LINEAR("1", "0", "1", "pv0", "0")))),
		  512);
	find_among(2);
	ck_assert_uint_eq(set.n_volumes, 1);
	ck_assert_str_eq(set.volumes[0].name, "newer");
	ck_assert_ptr_null(set.volumes[0].why_not_read);
}
END_TEST

START_TEST(text_that_wraps)
{
	put_group(0, PV0, GOOD("3"), LVM_AREA_SIZE - 100);
	put_group(1, PV1, GOOD("3"), LVM_AREA_SIZE - 1);
	find_among(2);
	ck_assert_uint_eq(set.n_volumes, 1);
	ck_assert_ptr_null(set.volumes[0].why_not_read);
}
END_TEST

START_TEST(an_area_without_text)
{
	put_group(0, PV0, GOOD("3"), 512);
	lvm_put_label(disks[1], PV1);
	lvm_put_text(disks[1], "", 0);
	find_among(2);
	ck_assert_ptr_null(set.volumes[0].why_not_read);
}
END_TEST

START_TEST(a_member_is_missing)
{
	put_group(0, PV0, GOOD("3"), 512);
	find_among(1);
	must_not_read("volume group vg lacks its physical volume " ID("b") "; give all disks");
}
END_TEST

START_TEST(a_member_is_marked_missing)
{
	put_group(0, PV0,
		  GROUP("vg", "g", "3",
			"physical_volumes { " PV("pv0", "a", "flags = [\"MISSING\"]") "}" LVS(
				LV("root", "r", RW, "1", LINEAR("1", "0", "1", "pv0", "0")))),
		  512);
	find_among(1);
	must_not_read("(marked MISSING; vgextend --restoremissing");
}
END_TEST

START_TEST(a_member_is_there_twice)
{
	put_group(0, PV0, GOOD("3"), 512);
	put_group(1, PV1, GOOD("3"), 512);
	put_group(2, PV1, GOOD("3"), 512);
	find_among(3);
	must_not_read("has one physical volume twice, in second and in third; give one of them");
}
END_TEST

START_TEST(two_groups_of_one_name)
{
	put_group(0, PV0,
		  GROUP("vg", "g", "1",
			"physical_volumes { " PV("pv0", "a", "") "}" LVS(
				LV("root", "r", RW, "1", LINEAR("1", "0", "1", "pv0", "0")))),
		  512);
	put_group(1, PV1,
		  GROUP("vg", "h", "1",
			"physical_volumes { " PV("pv0", "b", "") "}" LVS(
				LV("root", "r", RW, "1", LINEAR("1", "0", "1", "pv0", "0")))),
		  512);
	find_among(2);
	ck_assert_uint_eq(set.n_volumes, 2);
	must_not_read("has the name of another in this image");
}
END_TEST

START_TEST(two_groups_that_share_a_member)
{
	put_group(0, PV0, GOOD("1"), 512);
	put_group(1, PV1, GROUP("other", "h", "1", PVS LVS(ROOT)), 512);
	find_among(2);
	must_not_read("shares a physical volume with vg");
}
END_TEST

START_TEST(extents_beyond_the_device)
{
	put_group(
		0, PV0,
		GROUP("vg", "g", "1",
		      "physical_volumes { pv0 { id = \"" ID(
			      "a") "\" pe_start = 2048 pe_count = 99 } }" LVS(LV("root", "r", RW,
										 "1",
										 LINEAR("1", "0",
											"1", "pv0",
											"0")))),
		512);
	find_among(1);
	must_not_read("has extents beyond the end of first");
}
END_TEST

START_TEST(extents_over_label_and_metadata)
{
	static const char *const starts[] = {"0", "100"};
	static const char *const reasons[] = {"over the label of first",
					      "over the metadata of first"};

	for (size_t i = 0; i < 2; i++) {
		CLEANUP_FREE char *text = xasprintf(
			GROUP("vg", "g", "1",
			      "physical_volumes { pv0 { id = \"" ID(
				      "a") "\" pe_start = %s pe_count = 1 } "
					   "}" LVS(LV("root", "r", RW, "1",
						      LINEAR("1", "0", "1", "pv0", "0")))),
			starts[i]);

		put_group(0, PV0, text, 512);
		find_among(1);
		must_not_read(reasons[i]);
	}
}
END_TEST

/* Each is done to the second of two members, whose first copy is sound. */
static void break_text(void)
{
	disks[1]->bytes[LVM_AREA_OFFSET + 600] ^= 1;
}
static void break_header(void)
{
	disks[1]->bytes[LVM_AREA_OFFSET + 50] ^= 1;
}
static void break_magic(void)
{
	disks[1]->bytes[LVM_AREA_OFFSET + 5] = 'X';
}
static void break_version(void)
{
	disks[1]->bytes[LVM_AREA_OFFSET + 20] = 2;
	lvm_seal_area(disks[1]);
}
static void break_place(void)
{
	lvm_put(disks[1]->bytes + LVM_AREA_OFFSET + 24, 8192, 8);
	lvm_seal_area(disks[1]);
}
static void break_offset(void)
{
	lvm_put(disks[1]->bytes + LVM_AREA_OFFSET + 40, LVM_AREA_SIZE, 8);
	lvm_seal_area(disks[1]);
}
static void break_size(void)
{
	lvm_put(disks[1]->bytes + LVM_AREA_OFFSET + 48, UINT64_MAX, 8);
	lvm_seal_area(disks[1]);
}
static void break_area(void)
{
	lvm_put(disks[1]->bytes + 512 + 104, UINT64_MAX - 100, 8);
	lvm_seal_label(disks[1]);
}

static const struct {
	void (*damage)(void);
	const char *reason;
} damages[] = {
	{break_text, "second: the checksum of its LVM metadata is wrong; mend it"},
	{break_header, "second: the checksum of its LVM metadata area's header is wrong"},
	{break_magic, "second: its LVM metadata area has no header"},
	{break_version, "second: its LVM metadata area is of version 2, not 1"},
	{break_place, "second: its LVM label and metadata area tell different places"},
	{break_offset, "second: its LVM metadata lies outside of its area"},
	{break_size, "second: its LVM metadata lies outside of its area"},
	{break_area, "lie beyond the end of the device"},
};

START_TEST(a_damaged_copy)
{
	put_group(0, PV0, GOOD("3"), 512);
	put_group(1, PV1, GOOD("3"), 512);
	damages[_i].damage();
	find_among(2);
	must_not_read(damages[_i].reason);
}
END_TEST

START_TEST(only_damaged_copies)
{
	put_group(1, PV0, GOOD("3"), 512);
	break_text();
	find_among(2);
	ck_assert_uint_eq(set.n_volumes, 0);
	ck_assert_ptr_null(set.problems[0]);
	ck_assert_str_eq(set.problems[1], "the checksum of its LVM metadata is wrong");
}
END_TEST

START_TEST(metadata_of_another_group)
{
	put_group(0, "cccccccccccccccccccccccccccccccc", GOOD("3"), 512);
	find_among(1);
	ck_assert_uint_eq(set.n_volumes, 0);
	ck_assert_str_eq(set.problems[0], "its LVM metadata is of a group without it");
}
END_TEST

static void label_sum(void)
{
	disks[0]->bytes[512 + 40] ^= 1;
}
static void label_sector(void)
{
	disks[0]->bytes[512 + 8] = 2;
}
static void label_offset(void)
{
	lvm_put(disks[0]->bytes + 512 + 20, 500, 4);
	lvm_seal_label(disks[0]);
}
static void label_uuid(void)
{
	disks[0]->bytes[512 + 32] = '/';
	lvm_seal_label(disks[0]);
}
static void label_lists(void)
{
	memset(disks[0]->bytes + 512 + 72, 1, 512 - 72);
	lvm_seal_label(disks[0]);
}
static void label_areas(void)
{
	for (size_t i = 0; i <= LVM_MAX_AREAS; i++)
		lvm_put(disks[0]->bytes + 512 + 104 + 16 * i, 4096, 8);
	lvm_seal_label(disks[0]);
}

static const struct {
	void (*damage)(void);
	const char *problem;
} labels[] = {
	{label_sum, "the checksum of its LVM label is wrong"},
	{label_sector, "its LVM label is of another sector"},
	{label_offset, "its LVM label points outside of itself"},
	{label_uuid, "the UUID of its LVM label is none"},
	{label_lists, "the lists of areas in its LVM label do not end"},
	{label_areas, "the lists of areas in its LVM label do not end"},
};

START_TEST(a_damaged_label)
{
	put_group(0, PV0, GOOD("3"), 512);
	labels[_i].damage();
	find_among(1);
	ck_assert_uint_eq(set.n_volumes, 0);
	ck_assert_str_eq(set.problems[0], labels[_i].problem);
}
END_TEST

START_TEST(a_device_too_short_for_a_label)
{
	put_group(0, PV0, GOOD("3"), 512);
	disks[0]->block.size = 1024;
	find_among(1);
	ck_assert_uint_eq(set.n_volumes, 0);
}
END_TEST

START_TEST(joined_pieces)
{
	const struct block_piece pieces[] = {{&disks[0]->block, 4096, 100},
					     {&disks[1]->block, 8192, 0},
					     {&disks[1]->block, 0, 50}};
	CLEANUP(block_free)
	struct block *joined = block_join(pieces, 3, &err);
	char buf[150];

	memset(disks[0]->bytes + 4096, 'a', 100);
	memset(disks[1]->bytes, 'b', 50);
	disks[0]->bytes[4096 + 100] = disks[1]->bytes[50] = 'x';
	ck_assert_uint_eq(block_size(joined), 150);
	ck_assert_int_eq(block_read(joined, buf, 150, 0, &err), 0);
	for (size_t i = 0; i < 150; i++)
		ck_assert_int_eq(buf[i], i < 100 ? 'a' : 'b');
	ck_assert_int_eq(block_read(joined, buf, 1, 100, &err), 0);
	ck_assert_int_eq(buf[0], 'b');
	ck_assert_int_eq(block_read(joined, buf, 2, 149, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_int_eq(block_write(joined, buf, 2, 0, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_BUG);
	ck_assert_str_eq(err.msg, "write to a read-only device");
}
END_TEST

START_TEST(pieces_beyond_a_device)
{
	const struct block_piece piece = {&disks[0]->block, LVM_DISK - 10, 11};

	const struct block_piece huge[] = {{&disks[1]->block, 0, UINT64_MAX},
					   {&disks[1]->block, 0, 1}};

	ck_assert_ptr_null(block_join(&piece, 1, &err));
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	disks[1]->block.size = UINT64_MAX;
	ck_assert_ptr_null(block_join(huge, 2, &err));
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "the pieces of a device add up to too much");
}
END_TEST

#define N(array) (int)(sizeof(array) / sizeof *(array))

int main(void)
{
	Suite *suite = suite_create("lvm");
	TCase *tcase = tcase_create("members");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_group_over_two_disks);
	tcase_add_test(tcase, dashes_are_doubled);
	tcase_add_test(tcase, the_newest_map_counts);
	tcase_add_test(tcase, text_that_wraps);
	tcase_add_test(tcase, an_area_without_text);
	tcase_add_test(tcase, a_member_is_missing);
	tcase_add_test(tcase, a_member_is_marked_missing);
	tcase_add_test(tcase, a_member_is_there_twice);
	tcase_add_test(tcase, two_groups_of_one_name);
	tcase_add_test(tcase, two_groups_that_share_a_member);
	tcase_add_test(tcase, extents_beyond_the_device);
	tcase_add_test(tcase, extents_over_label_and_metadata);
	tcase_add_loop_test(tcase, a_damaged_copy, 0, N(damages));
	tcase_add_test(tcase, only_damaged_copies);
	tcase_add_test(tcase, metadata_of_another_group);
	tcase_add_loop_test(tcase, a_damaged_label, 0, N(labels));
	tcase_add_test(tcase, a_device_too_short_for_a_label);
	tcase_add_test(tcase, joined_pieces);
	tcase_add_test(tcase, pieces_beyond_a_device);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
