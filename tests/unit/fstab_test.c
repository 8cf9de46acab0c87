/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "guest/fstab.h"
#include "suite.h"

static void parse(const char *text, struct fstab *fstab)
{
	fstab_parse(text, strlen(text), fstab);
}

START_TEST(entries_are_read_in_order)
{
	CLEANUP_FSTAB struct fstab fstab = {0};

	parse("# /etc/fstab\n\n"
	      "UUID=0a-0b / ext4 errors=remount-ro 0 1\n"
	      "\t/dev/vda1\t/boot/\text4\tnofail,ro\t0\t2\n"
	      "LABEL=a\\040b /srv//my\\040data ext4\n"
	      "UUID=s none swap sw 0 0\r\n",
	      &fstab);
	ck_assert_uint_eq(fstab.n_warnings, 0);
	ck_assert_uint_eq(fstab.n_entries, 4);
	ck_assert_str_eq(fstab.entries[0].source, "UUID=0a-0b");
	ck_assert_str_eq(fstab.entries[0].target, "/");
	ck_assert_uint_eq(fstab.entries[0].line, 3);
	ck_assert_str_eq(fstab.entries[1].target, "/boot");
	ck_assert(fstab_has_option(&fstab.entries[1], "nofail"));
	ck_assert(fstab_has_option(&fstab.entries[1], "ro"));
	ck_assert(!fstab_has_option(&fstab.entries[1], "fail"));
	ck_assert(!fstab_has_option(&fstab.entries[1], "no"));
	ck_assert_str_eq(fstab.entries[2].source, "LABEL=a b");
	ck_assert_str_eq(fstab.entries[2].target, "/srv/my data");
	ck_assert_str_eq(fstab.entries[2].options, "defaults");
	ck_assert_str_eq(fstab.entries[3].type, "swap");
	ck_assert_str_eq(fstab.entries[3].options, "sw");
}
END_TEST

static const struct {
	const char *line, *warning;
} bad[] = {
	{"/dev/sda1 /boot", "line 1: fewer than three fields"},
	{"garbage", "line 1: fewer than three fields"},
	{"/dev/sda1 boot ext4", "line 1: the mount point is not an absolute path"},
	{"/dev/sda1 /a/../b ext4", "line 1: the mount point has \".\" or \"..\" in it"},
	{"/dev/sda1 /./b ext4", "line 1: the mount point has \".\" or \"..\" in it"},
	{"/dev/sda1 /a\\000b ext4", "line 1: a field is too long or holds a NUL byte"},
};

START_TEST(bad_lines_are_ignored_with_a_warning)
{
	CLEANUP_FSTAB struct fstab fstab = {0};
	CLEANUP_BUFFER struct buffer text = {0};

	buffer_printf(&text, "%s\n/dev/sdb1 /data ext4\n", bad[_i].line);
	parse(text.data, &fstab);
	ck_assert_uint_eq(fstab.n_entries, 1);
	ck_assert_str_eq(fstab.entries[0].target, "/data");
	ck_assert_uint_eq(fstab.n_warnings, 1);
	ck_assert_str_eq(fstab.warnings[0], bad[_i].warning);
}
END_TEST

START_TEST(size_is_bounded)
{
	CLEANUP_FSTAB struct fstab fstab = {0}, many_bad = {0};
	CLEANUP_BUFFER struct buffer text = {0}, rubbish = {0};

	for (int i = 0; i < 600; i++) {
		buffer_printf(&text, "/dev/sda%d /m%d ext4\n", i, i);
		buffer_puts(&rubbish, "x\n");
	}
	parse(text.data, &fstab);
	ck_assert_uint_eq(fstab.n_entries, 512);
	ck_assert_uint_eq(fstab.n_warnings, 1);
	ck_assert_str_eq(fstab.warnings[0], "line 513: more than 512 entries, the rest is ignored");
	parse(rubbish.data, &many_bad);
	ck_assert_uint_eq(many_bad.n_warnings, 32);
}
END_TEST

START_TEST(long_fields_are_refused)
{
	CLEANUP_FSTAB struct fstab fstab = {0};
	CLEANUP_BUFFER struct buffer text = {0};

	buffer_puts(&text, "/dev/sda1 /");
	for (int i = 0; i < 4096; i++)
		buffer_putc(&text, 'a');
	buffer_puts(&text, " ext4\n");
	parse(text.data, &fstab);
	ck_assert_uint_eq(fstab.n_entries, 0);
	ck_assert_str_eq(fstab.warnings[0], "line 1: a field is too long or holds a NUL byte");
}
END_TEST

static const struct {
	const char *line;
	bool local;
} kinds[] = {
	{"UUID=a / ext4", true},
	{"LABEL=a / ext4", true},
	{"PARTUUID=a / xfs", true},
	{"PARTLABEL=a / xfs", true},
	{"/dev/mapper/x-root / xfs", true},
	{"/dev/disk/by-id/x / auto", true},
	{"UUID=a none swap sw", false},
	{"proc /proc proc", false},
	{"tmpfs /tmp tmpfs", false},
	{"server:/x /x nfs", false},
	{"//server/x /x cifs", false},
	{"/srv/a /b none bind", false},
	{"/dev/sr0 /media/cdrom auto noauto", false},
	{"/dev/cdrom /media/cdrom iso9660 ro", false},
	{"/dev/fd0 /media/floppy auto noauto", false},
	{"/image.iso /x iso9660 loop", false},
	{"/dev/sdb1 /x ext4 _netdev", false},
};

START_TEST(only_local_disks_count)
{
	CLEANUP_FSTAB struct fstab fstab = {0};

	parse(kinds[_i].line, &fstab);
	ck_assert_uint_eq(fstab.n_entries, 1);
	ck_assert_msg(fstab_is_local(&fstab.entries[0]) == kinds[_i].local, "%s", kinds[_i].line);
}
END_TEST

static void replay(const struct buffer *text)
{
	CLEANUP_FSTAB struct fstab fstab = {0};

	fstab_parse(text->data, text->len, &fstab);
	ck_assert_uint_le(fstab.n_warnings, 32);
}

START_TEST(options_have_values)
{
	CLEANUP_FSTAB struct fstab fstab = {0};
	CLEANUP_FREE char *first = NULL, *last = NULL;

	parse("UUID=a / btrfs subvol=@,ro 0 0\nUUID=a /var btrfs ro,xsubvol=b,subvol=/c/d\n",
	      &fstab);
	first = fstab_option_value(&fstab.entries[0], "subvol=");
	last = fstab_option_value(&fstab.entries[1], "subvol=");
	ck_assert_str_eq(first, "@");
	ck_assert_str_eq(last, "c/d");
	ck_assert_ptr_null(fstab_option_value(&fstab.entries[0], "subvolid="));
	ck_assert_ptr_null(fstab_option_value(&fstab.entries[0], NULL));
}
END_TEST

START_TEST(places_of_users_are_known)
{
	CLEANUP_FSTAB struct fstab fstab = {0};

	parse("UUID=a /home xfs\nUUID=a /srv/www xfs\nUUID=a /homes xfs\nUUID=a /var xfs\n",
	      &fstab);
	ck_assert(fstab_is_users(&fstab.entries[0]));
	ck_assert(fstab_is_users(&fstab.entries[1]));
	ck_assert(!fstab_is_users(&fstab.entries[2]));
	ck_assert(!fstab_is_users(&fstab.entries[3]));
}
END_TEST

static const struct {
	const char *line;
	bool mounted;
} mounts[] = {
	{"UUID=a /data ext4", true},
	{"UUID=a /data ext4 nofail", true},
	{"UUID=a /data ext4 noauto", false},
	{"UUID=a /data ext4 noauto,x-systemd.automount", true},
	{"UUID=a /usr xfs noauto,x-systemd.automount", true},
	{"UUID=a /usr xfs noauto", true},
	{"UUID=a /usr/local xfs noauto", false},
	{"UUID=a /boot/efi vfat noauto", true},
	{"UUID=a /efi vfat nofail,noauto", true},
	{"UUID=a /efi vfat noauto,x-systemd.automount", true},
};

START_TEST(what_an_update_needs_is_mounted)
{
	CLEANUP_FSTAB struct fstab fstab = {0};

	parse(mounts[_i].line, &fstab);
	ck_assert_msg(fstab_is_mounted(&fstab.entries[0]) == mounts[_i].mounted, "%s",
		      mounts[_i].line);
}
END_TEST

START_TEST(fuzzing_seeds_are_survived)
{
	const char *top = getenv("TEST_TOP");
	CLEANUP_FREE char *pattern = xasprintf("%s/tests/fuzz/fstab/*", top ? top : ".");
	struct error err = {0};
	glob_t seeds;

	ck_assert_int_eq(glob(pattern, 0, NULL, &seeds), 0);
	for (size_t i = 0; i < seeds.gl_pathc; i++) {
		CLEANUP_BUFFER struct buffer text = {0};

		ck_assert_msg(file_read(seeds.gl_pathv[i], 1 << 20, &text, &err) == 0, "%s",
			      err.msg);
		replay(&text);
	}
	globfree(&seeds);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fstab");
	TCase *tc = tcase_create("fstab");

	tcase_add_test(tc, entries_are_read_in_order);
	tcase_add_loop_test(tc, bad_lines_are_ignored_with_a_warning, 0, sizeof bad / sizeof *bad);
	tcase_add_test(tc, size_is_bounded);
	tcase_add_test(tc, long_fields_are_refused);
	tcase_add_loop_test(tc, only_local_disks_count, 0, sizeof kinds / sizeof *kinds);
	tcase_add_test(tc, options_have_values);
	tcase_add_test(tc, places_of_users_are_known);
	tcase_add_loop_test(tc, what_an_update_needs_is_mounted, 0, sizeof mounts / sizeof *mounts);
	tcase_add_test(tc, fuzzing_seeds_are_survived);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
