/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables that sfdisk and sgdisk made, with libblkid as the oracle for every field; then the
 * same tables damaged. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/process.h"
#include "disk/partition.h"
#include "suite.h"

static char directory[64];
static struct error err;
static struct partition_table table;

/* The script's output; the caller frees. */
static char *run(const char *script)
{
	const char *const argv[] = {"bash", "-euc", script, directory, NULL};
	struct process_spec spec = {.argv = argv, .output_limit = 1 << 16, .deadline_ms = 60000};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};

	ck_assert_msg(process_run_ok(&spec, ERROR_BUG, &result, &err) == 0, "%s: %s", script,
		      err.msg);
	return result.out.len ? buffer_steal(&result.out) : xstrdup("");
}

static void make(const char *script)
{
	free(run(script));
}

static void set_up(void)
{
	strcpy(directory, "/tmp/coldpatch-part.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	err = (struct error){0};
	make("truncate -s 64M $0/disk");
}

static void tear_down(void)
{
	partition_table_free(&table);
	directory_remove(directory, &err);
}

static int read_table(void)
{
	CLEANUP_FREE char *path = path_join(directory, "disk");
	CLEANUP(block_free)
	struct block *block = block_open_file(path, &err);

	ck_assert_ptr_nonnull(block);
	return partition_table_read(block, &table, &err);
}

static void must_read(enum partition_scheme scheme, size_t n)
{
	ck_assert_msg(read_table() == 0, "%s", err.msg);
	ck_assert_str_eq(partition_scheme_name(table.scheme), partition_scheme_name(scheme));
	ck_assert_uint_eq(table.n_partitions, n);
}

static void must_refuse(const char *text)
{
	ck_assert_int_eq(read_table(), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(err.msg, text) != NULL, "%s", err.msg);
}

/* "NUMBER START SIZE UUID TYPE LABEL" by line, in sectors. */
static char *listing(void)
{
	struct buffer text = {0};

	for (size_t i = 0; i < table.n_partitions; i++) {
		const struct partition *part = &table.partitions[i];

		buffer_printf(&text, "%u %llu %llu %s %s %s\n", part->number,
			      (unsigned long long)part->offset / 512,
			      (unsigned long long)part->size / 512, part->uuid, part->type,
			      part->label ? part->label : "");
	}
	return text.len ? buffer_steal(&text) : xstrdup("");
}

/* The same by libblkid, through partx; the table has escapes for what is not ASCII. */
static const char oracle[] = "partx -o NR,START,SECTORS,UUID,TYPE,NAME -r -g $0/disk |"
			     "while read -r line; do printf '%b\\n' \"$line\"; done";

/* Blanks at ends of lines are not compared. */
static void trim_lines(char *text)
{
	char *to = text;

	for (char *from = text; *from; from++)
		if (*from != ' ' || from[1] != '\n')
			*to++ = *from;
	*to = '\0';
}

static void compare(void)
{
	CLEANUP_FREE char *expected = run(oracle);
	CLEANUP_FREE char *ours = listing();

	trim_lines(expected);
	trim_lines(ours);
	ck_assert_str_eq(ours, expected);
}

START_TEST(gpt_as_others_read_it)
{
	make("sgdisk -n1:2048:4095 -t1:ef02 -c1:bios -n2:4096:+10M -t2:ef00 -c2:'EFI system' "
	     "-n5:0:+1M -n15:0:0 -c15:'caf\xc3\xa9 \xf0\x9f\x92\xbe' $0/disk >/dev/null");
	must_read(PARTITION_SCHEME_GPT, 4);
	ck_assert_str_eq(table.partitions[3].label, "caf\xc3\xa9 \xf0\x9f\x92\xbe");
	ck_assert_str_eq(table.partitions[1].type, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
	CLEANUP_FREE char *id = run("printf %s $(sfdisk --disk-id $0/disk | tr A-F a-f)");
	ck_assert_str_eq(table.id, id);
	compare();
}
END_TEST

START_TEST(gpt_of_4096_byte_sectors)
{
	make("printf 'label: gpt\\nlabel-id: 11111111-2222-3333-4444-555555555555\\n"
	     "start=512, size=1024\\n' > $0/t; sfdisk -q --sector-size 4096 $0/disk < $0/t "
	     "2>/dev/null || { D=$(losetup -f --show -b 4096 $0/disk); sfdisk -q $D < $0/t;"
	     "losetup -d $D; }");
	must_read(PARTITION_SCHEME_GPT, 1);
	ck_assert_str_eq(table.id, "11111111-2222-3333-4444-555555555555");
	ck_assert_uint_eq(table.partitions[0].offset, 512 * 4096);
	ck_assert_uint_eq(table.partitions[0].size, 1024 * 4096);
}
END_TEST

START_TEST(gpt_hybrid)
{
	make("sgdisk -n1:2048:+10M -n2:0:0 -h1 $0/disk >/dev/null 2>&1");
	must_read(PARTITION_SCHEME_GPT, 2);
}
END_TEST

/* Sector 1 is the header, 2-33 the entries; the copies are at the end. */
START_TEST(gpt_backup_stands_in)
{
	make("sgdisk -n1:2048:0 -c1:kept $0/disk >/dev/null");
	make("printf x | dd of=$0/disk bs=1 seek=1200 conv=notrunc status=none");
	must_read(PARTITION_SCHEME_GPT, 1);
	ck_assert_str_eq(table.partitions[0].label, "kept");
	partition_table_free(&table);
	make("printf x | dd of=$0/disk bs=1 seek=570 conv=notrunc status=none");
	must_read(PARTITION_SCHEME_GPT, 1);
	make("truncate -s -1M $0/disk");
	must_refuse("both copies of the GPT are damaged, or the disk was cut short");
}
END_TEST

START_TEST(gpt_of_a_disk_cut_short)
{
	make("sgdisk -n1:2048:0 $0/disk >/dev/null; truncate -s 32M $0/disk");
	must_refuse("both copies of the GPT are damaged, or the disk was cut short");
}
END_TEST

START_TEST(gpt_of_a_disk_that_grew)
{
	make("sgdisk -n1:2048:0 $0/disk >/dev/null; truncate -s 128M $0/disk");
	must_read(PARTITION_SCHEME_GPT, 1);
}
END_TEST

START_TEST(mbr_as_others_read_it)
{
	make("printf 'label: dos\\nlabel-id: 0xdeadbeef\\nstart=2048,size=4096,type=83\\n"
	     "start=8192,size=2048,type=c\\n' | sfdisk -q $0/disk");
	must_read(PARTITION_SCHEME_MBR, 2);
	ck_assert_str_eq(table.id, "deadbeef");
	ck_assert_str_eq(table.partitions[0].uuid, "deadbeef-01");
	ck_assert_str_eq(table.partitions[1].type, "0xc");
	compare();
}
END_TEST

START_TEST(mbr_with_logical_partitions)
{
	make("printf 'label: dos\\nlabel-id: 0x0000beef\\n1: start=2048,size=4096,type=83\\n"
	     "3: start=8192,type=f\\n5: start=10240,size=2048,type=83\\n6: start=20480,size=2048,"
	     "type=82\\n7: start=14336,size=1024,type=83\\n' | sfdisk -q $0/disk");
	must_read(PARTITION_SCHEME_MBR, 5);
	ck_assert_str_eq(table.partitions[1].type, "0xf");
	ck_assert_str_eq(table.partitions[4].uuid, "0000beef-07");
	compare();
}
END_TEST

START_TEST(mbr_numbers_of_logical_partitions_are_hexadecimal)
{
	make("{ printf 'label: dos\\nstart=2048,type=5\\n'; for i in $(seq 30); do "
	     "printf '%d: size=1024,type=83\\n' $((i+4)); done; } | sfdisk -q $0/disk");
	must_read(PARTITION_SCHEME_MBR, 31);
	ck_assert_str_eq(strrchr(table.partitions[30].uuid, '-'), "-22");
	compare();
}
END_TEST

/* A chain whose second link points to the first. */
START_TEST(mbr_loop)
{
	make("cd $0; printf 'label: dos\\nstart=2048,type=5\\nstart=4096,size=1024\\n"
	     "start=8192,size=1024\\n' | sfdisk -q disk; python3 - <<'X'\n"
	     "d=open('disk','r+b'); d.seek(2048*512+446+16); e=d.read(16)\n"
	     "import struct\nsecond=2048+struct.unpack('<I',e[8:12])[0]\n"
	     "d.seek(second*512+446+16); d.write(e[:8]+struct.pack('<I',0)+e[12:])\n"
	     "d.seek(0)\nX\n");
	must_refuse("more than 60 logical partitions, or a loop");
	make("cd $0; python3 - <<'X'\n"
	     "d=open('disk','r+b'); d.seek(2048*512+446); d.write(bytes(16))\n"
	     "d.seek(2048*512+446+16); e=d.read(16); import struct\n"
	     "d.seek(2048*512+446+16); d.write(e[:8]+struct.pack('<I',0)+e[12:])\nX\n");
	must_refuse("the chain of logical partitions is a loop");
}
END_TEST

START_TEST(mbr_of_a_disk_cut_short)
{
	make("printf 'label: dos\\nstart=2048,size=2048\\nstart=4096\\n' | sfdisk -q $0/disk;"
	     "truncate -s 32M $0/disk");
	must_refuse("partition 2 lies beyond the end of the disk");
}
END_TEST

static const char *const no_tables[] = {
	"mkfs.ext4 -q -F $0/disk",
	/* A boot sector in front of ext4, as extlinux leaves it. */
	"mkfs.ext4 -q -F $0/disk; printf '\\125\\252' | dd of=$0/disk bs=1 seek=510 conv=notrunc "
	"status=none",
	"mkfs.vfat $0/disk >/dev/null",
	"mkfs.vfat -F 32 -s 1 $0/disk >/dev/null",
	":",
	"truncate -s 100 $0/disk",
	"head -c 4096 /dev/zero | tr '\\0' '\\252' | dd of=$0/disk conv=notrunc status=none;"
	"printf '\\125\\252' | dd of=$0/disk bs=1 seek=510 conv=notrunc status=none",
	"printf 'NTFS    ' | dd of=$0/disk bs=1 seek=3 conv=notrunc status=none;"
	"printf '\\125\\252' | dd of=$0/disk bs=1 seek=510 conv=notrunc status=none;"
	"printf '\\001\\001\\001\\001' | dd of=$0/disk bs=1 seek=454 conv=notrunc status=none;"
	"printf '\\001\\001' | dd of=$0/disk bs=1 seek=458 conv=notrunc status=none",
};

START_TEST(no_table)
{
	make(no_tables[_i]);
	must_read(PARTITION_SCHEME_NONE, 0);
	ck_assert_str_eq(table.id, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("partition");
	TCase *tests = tcase_create("partition");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, gpt_as_others_read_it);
	tcase_add_test(tests, gpt_of_4096_byte_sectors);
	tcase_add_test(tests, gpt_hybrid);
	tcase_add_test(tests, gpt_backup_stands_in);
	tcase_add_test(tests, gpt_of_a_disk_cut_short);
	tcase_add_test(tests, gpt_of_a_disk_that_grew);
	tcase_add_test(tests, mbr_as_others_read_it);
	tcase_add_test(tests, mbr_with_logical_partitions);
	tcase_add_test(tests, mbr_numbers_of_logical_partitions_are_hexadecimal);
	tcase_add_test(tests, mbr_loop);
	tcase_add_test(tests, mbr_of_a_disk_cut_short);
	tcase_add_loop_test(tests, no_table, 0, sizeof no_tables / sizeof *no_tables);
	return suite_run(suite);
}
