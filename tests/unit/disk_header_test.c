/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One field of a good qcow2 header at a time is made bad, and the message must name it. */
#include <check.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "disk/header.h"
#include "suite.h"

enum { CLUSTER = 512, FILE_SIZE = 16 * CLUSTER, L1 = 3 * CLUSTER, SNAPSHOTS = 5 * CLUSTER };

static uint8_t file[FILE_SIZE];
static struct qcow2_header header;
static struct error err;

static void put16(size_t at, uint16_t value)
{
	value = htobe16(value);
	memcpy(file + at, &value, sizeof value);
}

static void put32(size_t at, uint32_t value)
{
	value = htobe32(value);
	memcpy(file + at, &value, sizeof value);
}

static void put64(size_t at, uint64_t value)
{
	value = htobe64(value);
	memcpy(file + at, &value, sizeof value);
}

/* 64 KiB of disk in clusters of 512 bytes, with a backing file and one internal snapshot. */
static void set_up(void)
{
	memset(file, 0, sizeof file);
	memcpy(file, "QFI\xfb", 4);
	put32(4, 3);	     /* version */
	put64(8, 200);	     /* backing file name */
	put32(16, 8);	     /* its length */
	put32(20, 9);	     /* cluster bits */
	put64(24, 64 << 10); /* virtual size */
	put32(36, 2);	     /* L1 entries */
	put64(40, L1);
	put64(48, CLUSTER); /* refcount table */
	put32(56, 1);	    /* its clusters */
	put32(60, 1);	    /* snapshots */
	put64(64, SNAPSHOTS);
	put32(96, 4);	 /* refcount order */
	put32(100, 112); /* header length */
	put32(112, 0xe2792aca);
	put32(116, 3);
	memcpy(file + 120, "raw", 3);
	memcpy(file + 200, "base.raw", 8);
	put64(L1, 4 * CLUSTER);
	put64(4 * CLUSTER, 6 * CLUSTER);
	put16(SNAPSHOTS + 12, 1);
	put16(SNAPSHOTS + 14, 1);
	put32(SNAPSHOTS + 36, 16);
}

static int parse(void)
{
	return qcow2_header_parse(file, sizeof file, sizeof file, &header, &err);
}

START_TEST(good_header)
{
	ck_assert_msg(parse() == 0, "%s", err.msg);
	ck_assert_str_eq(header.backing_name, "base.raw");
	ck_assert_str_eq(header.backing_format, "raw");
	ck_assert_uint_eq(header.virtual_size, 64 << 10);
	ck_assert_uint_eq(header.l1_offset, L1);
	ck_assert_uint_eq(header.l1_entries, 2);
	ck_assert_int_eq(qcow2_l1_check(&header, file + L1, 16, FILE_SIZE, &err), 0);
	ck_assert_int_eq(qcow2_l2_check(&header, file + 4 * CLUSTER, CLUSTER, FILE_SIZE, &err), 0);
	ck_assert_int_eq(qcow2_snapshots_check(&header, file + SNAPSHOTS, CLUSTER, &err), 0);
}
END_TEST

static const struct {
	size_t at;
	unsigned size;
	uint64_t value;
	const char *message;
} bad_fields[] = {
	{0, 4, 0, "not a qcow2 image"},
	{4, 4, 9, "qcow2 version 9 is not supported"},
	{8, 8, 505, "damaged: backing file name outside the first cluster"},
	{8, 8, UINT64_MAX, "damaged: backing file name outside the first cluster"},
	{16, 4, 1024, "damaged: backing file name of 1024 bytes"},
	{200, 4, 0, "damaged: NUL in the backing file name"},
	{20, 4, 8, "damaged: cluster size 2^8"},
	{20, 4, 22, "damaged: cluster size 2^22"},
	{20, 4, UINT32_MAX, "damaged: cluster size 2^4294967295"},
	{24, 8, UINT64_MAX, "damaged: unreasonably large"},
	{24, 8, (64 << 10) + 1, "damaged: the L1 table is too small for the disk"},
	{32, 4, 2, "encrypted (method 2)"},
	{36, 4, UINT32_MAX, "damaged: unreasonably large"},
	{36, 4, 1024, "truncated: the L1 table lies beyond"},
	{40, 8, L1 + 8, "damaged: the L1 table is not aligned"},
	{40, 8, FILE_SIZE, "truncated: the L1 table lies beyond"},
	{40, 8, (uint64_t)-512, "truncated: the L1 table lies beyond"},
	{48, 8, FILE_SIZE, "truncated: the refcount table lies beyond"},
	{56, 4, 0, "damaged: refcount table of 0 bytes"},
	{56, 4, UINT32_MAX, "damaged: refcount table of 2199023255040 bytes"},
	{60, 4, 65537, "damaged: 65537 internal snapshots"},
	{60, 4, 65536, "truncated: the snapshot table lies beyond"},
	{72, 8, 1 << 5, "unknown incompatible feature bits 0x20"},
	{72, 8, 4, "external data file"},
	{72, 8, 2, "marked corrupt"},
	{72, 8, 1, "was not closed cleanly"},
	{72, 8, 8, "unknown compression type 0"},
	{104, 1, 1, "unknown compression type 1"},
	{104, 1, 7, "unknown compression type 7"},
	{96, 4, 7, "damaged: refcount order 7"},
	{100, 4, 96, "damaged: header length 96"},
	{100, 4, 109, "damaged: header length 109"},
	{100, 4, 520, "damaged: header length 520"},
	{116, 4, 81, "damaged: header extension 0xe2792aca of 81 bytes"},
	{116, 4, UINT32_MAX, "damaged: header extension"},
	{116, 4, 32, "damaged: backing format name"},
	{116, 4, 4, "damaged: backing format name"},
};

START_TEST(bad_field)
{
	if (bad_fields[_i].size == 8)
		put64(bad_fields[_i].at, bad_fields[_i].value);
	else if (bad_fields[_i].size == 4)
		put32(bad_fields[_i].at, (uint32_t)bad_fields[_i].value);
	else
		file[bad_fields[_i].at] = (uint8_t)bad_fields[_i].value;
	ck_assert_msg(parse() == -1, "%s", bad_fields[_i].message);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(err.msg, bad_fields[_i].message) != NULL, "%s instead of %s", err.msg,
		      bad_fields[_i].message);
}
END_TEST

START_TEST(failure_leaves_the_result_alone)
{
	memset(&header, 0x5a, sizeof header);
	put32(60, 65537);
	ck_assert_int_eq(parse(), -1);
	ck_assert_uint_eq(header.version, 0x5a5a5a5a);
}
END_TEST

START_TEST(l1_entries)
{
	ck_assert_int_eq(parse(), 0);
	put64(L1, 4 * CLUSTER + 512 * 1024);
	ck_assert_int_eq(qcow2_l1_check(&header, file + L1, 16, FILE_SIZE, &err), -1);
	ck_assert_str_eq(err.msg, "truncated: an L2 table lies beyond the end of the file");
	header.cluster_bits = 10;
	put64(L1, 512);
	ck_assert_int_eq(qcow2_l1_check(&header, file + L1, 16, FILE_SIZE, &err), -1);
	ck_assert_str_eq(err.msg, "damaged: entry 0 of the L1 table is not aligned");
	header.cluster_bits = 9;
	for (size_t i = 0; i < 17; i++)
		put64(L1 + 8 * i, 512);
	ck_assert_int_eq(qcow2_l1_check(&header, file + L1, 17 * 8, FILE_SIZE, &err), -1);
	ck_assert_str_eq(err.msg, "damaged: more L2 tables than the file has room for");
}
END_TEST

START_TEST(l2_entries)
{
	static const struct {
		uint64_t entry;
		int outcome;
	} entries[] = {
		{FILE_SIZE - CLUSTER, 0},
		{FILE_SIZE, -1},
		{UINT64_C(1) << 63 | (FILE_SIZE - CLUSTER), 0},
		{FILE_SIZE | 1, 0}, /* reads as zeros */
		{UINT64_C(1) << 62 | (FILE_SIZE - 1), 0},
		{UINT64_C(1) << 62 | FILE_SIZE, -1},
	};

	ck_assert_int_eq(parse(), 0);
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
		put64(4 * CLUSTER + 8, entries[i].entry);
		ck_assert_int_eq(
			qcow2_l2_check(&header, file + 4 * CLUSTER, CLUSTER, FILE_SIZE, &err),
			entries[i].outcome);
	}
	ck_assert_str_eq(err.msg, "truncated: a data cluster lies beyond the end of the file");
}
END_TEST

START_TEST(snapshots)
{
	ck_assert_int_eq(parse(), 0);
	put64(SNAPSHOTS + 40, 1);
	ck_assert_int_eq(qcow2_snapshots_check(&header, file + SNAPSHOTS, CLUSTER, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "saved memory state of a running machine"));
	put64(SNAPSHOTS + 40, 0);
	put32(SNAPSHOTS + 32, 1);
	ck_assert_int_eq(qcow2_snapshots_check(&header, file + SNAPSHOTS, CLUSTER, &err), -1);
	put32(SNAPSHOTS + 32, 0);
	put32(SNAPSHOTS + 36, UINT32_MAX);
	ck_assert_int_eq(qcow2_snapshots_check(&header, file + SNAPSHOTS, CLUSTER, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "truncated: the snapshot table"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("disk_header");
	TCase *tests = tcase_create("disk_header");

	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, good_header);
	tcase_add_loop_test(tests, bad_field, 0, sizeof bad_fields / sizeof *bad_fields);
	tcase_add_test(tests, failure_leaves_the_result_alone);
	tcase_add_test(tests, l1_entries);
	tcase_add_test(tests, l2_entries);
	tcase_add_test(tests, snapshots);
	return suite_run(suite);
}
