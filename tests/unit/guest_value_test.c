/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest as a value: to JSON and back, and the names by which its file systems are found. */
#include <check.h>
#include <elf.h>
#include <string.h>

#include "guest/arch.h"
#include "guest/crypttab.h"
#include "guest/identity.h"
#include "guest_fixture.h"
#include "suite.h"

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
	{{"disks"}, "[{}]", "guest: disk: member format is missing"},
	{{"filesystems"}, "[{}]", "guest: file system: member disk is missing"},
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

/* A container on partition 3 with the root in it, directly or on a logical volume of its content,
 * and another with data. */
static const struct {
	const char *text, *expected;
	bool lvm;
} crypttabs[] = {
	{"# comment\nx /dev/sda3 none luks,discard\n\ndata UUID=data /key luks\n",
	 "# comment\nx /dev/sda3 none luks,discard,initramfs\n\ndata UUID=data /key luks\n", false},
	{"x UUID=root\tnone", "x UUID=root none luks,initramfs\n", true},
	{"x UUID=root", NULL, false},
	{"#x UUID=root none luks\ndata UUID=data none luks\ny UUID=absent none luks\n", NULL,
	 false},
	{"", NULL, false},
};

static void volume_at(struct guest_volume *ret, char *manager, char *uuid,
		      struct guest_segment *segment)
{
	*ret = (struct guest_volume){
		.manager = manager, .uuid = uuid, .segments = segment, .n_segments = 1};
}

START_TEST(crypttab_is_made_for_an_initramfs)
{
	struct guest_segment segments[] = {{0, 10000, 5000}, {0, 20000, 5000}, {0, 11000, 2000}};
	struct guest_volume root_content, data_content, logical;
	struct guest_filesystem filesystems[] = {
		{.partition = 3, .type = (char[]){"crypto_LUKS"}, .uuid = (char[]){"root"}},
		{.partition = 4, .type = (char[]){"crypto_LUKS"}, .uuid = (char[]){"data"}},
		{.volume = &root_content, .mountpoint = (char[]){"/"}, .mounted = true},
		{.volume = &data_content, .mountpoint = (char[]){"/srv"}, .mounted = true},
		{.volume = &logical, .mountpoint = (char[]){"/"}, .mounted = true},
	};
	struct guest_disk disk = {.format = (char[]){"raw"}, .partition_scheme = (char[]){"gpt"}};
	struct guest guest = {
		.disks = &disk, .n_disks = 1, .filesystems = filesystems, .n_filesystems = 5};
	const char *text = crypttabs[_i].text;
	CLEANUP_FREE char *made = NULL;

	volume_at(&root_content, (char[]){"luks"}, (char[]){"root"}, &segments[0]);
	volume_at(&data_content, (char[]){"luks"}, (char[]){"data"}, &segments[1]);
	volume_at(&logical, (char[]){"lvm"}, (char[]){"lv"}, &segments[2]);
	filesystems[crypttabs[_i].lvm ? 2 : 4].mounted = false;
	made = crypttab_for_initramfs(text, strlen(text), &guest);
	if (crypttabs[_i].expected)
		ck_assert_str_eq(made, crypttabs[_i].expected);
	else
		ck_assert_ptr_null(made);
	ck_assert_ptr_null(guest_container_of(&guest, &filesystems[0]));
	ck_assert_ptr_eq(guest_container_of(&guest, &filesystems[3]), &data_content);
	ck_assert_ptr_eq(guest_container_of(&guest, &filesystems[4]), &root_content);
}
END_TEST

static const struct {
	const char *member, *message;
} parts[] = {
	{"members", "guest: member of a volume: member disk is missing"},
	{"segments", "guest: segment of a volume: member disk is missing"},
	{"space", "guest: space of a file system: member block_size is missing"},
	{"nodes", "guest: volume: member nodes is not an array"},
};

START_TEST(parts_of_a_file_system_are_checked)
{
	char *nodes[] = {(char[]){"/dev/x/y"}};
	struct guest_member member = {.partition = 2};
	struct guest_volume volume = {.manager = (char[]){"lvm"},
				      .group = (char[]){"x"},
				      .group_uuid = (char[]){"g"},
				      .name = (char[]){"y"},
				      .uuid = (char[]){"r"},
				      .nodes = nodes,
				      .n_nodes = 1,
				      .grub = (char[]){"g"},
				      .members = &member,
				      .n_members = 1};
	struct guest_disk disk = {.format = (char[]){"raw"}, .partition_scheme = (char[]){"gpt"}};
	struct guest_filesystem fs = {.size = 8704, .volume = &volume};
	struct guest guest = {.disks = &disk, .n_disks = 1, .filesystems = &fs, .n_filesystems = 1};
	CLEANUP_JSON json_t *json = guest_to_json(&guest);
	json_t *object = json_array_get(json_object_get(json, "filesystems"), 0);
	const char *name = parts[_i].member;
	struct error err = {0};

	if (!json_object_get(object, name))
		object = json_object_get(object, "volume");
	ck_assert_ptr_nonnull(json_object_get(object, name));
	if (strcmp(name, "members") == 0 || strcmp(name, "segments") == 0)
		json_object_set_new(object, name, json_pack("[{}]"));
	else
		json_object_set_new(object, name, json_object());
	ck_assert_ptr_null(guest_from_json(json, &err));
	ck_assert_str_eq(err.msg, parts[_i].message);
}
END_TEST

START_TEST(a_volume_of_no_segments_is_not_read)
{
	struct guest_volume volume = {0};
	struct guest_filesystem fs = {.volume = &volume, .why_not = (char[]){"is of type raid1"}};
	struct error err = {0};

	ck_assert_ptr_null(guest_filesystem_block(&fs, NULL, &err));
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "the volume is not read directly: is of type raid1");
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

int main(void)
{
	Suite *suite = suite_create("guest value");
	TCase *values = tcase_create("values"), *images = tcase_create("images");

	tcase_add_loop_test(values, json_is_checked, 0, sizeof wrong / sizeof *wrong);
	tcase_add_loop_test(values, sources_are_found, 0, sizeof sources / sizeof *sources);
	tcase_add_test(values, hardware_names_mean_the_only_disk);
	tcase_add_test(values, volumes_are_found_and_survive_json);
	tcase_add_loop_test(values, crypttab_is_made_for_an_initramfs, 0,
			    sizeof crypttabs / sizeof *crypttabs);
	tcase_add_loop_test(values, parts_of_a_file_system_are_checked, 0,
			    sizeof parts / sizeof *parts);
	tcase_add_test(values, a_volume_of_no_segments_is_not_read);
	tcase_add_test(values, architectures_are_told);
	tcase_add_test(values, machine_id_has_four_states);
	suite_add_tcase(suite, values);
	tcase_add_checked_fixture(images, images_setup, images_teardown);
	tcase_set_timeout(images, 120);
	tcase_add_test(images, json_goes_both_ways);
	suite_add_tcase(suite, images);
	return suite_run(suite);
}
