/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What systemd mounts without a line of fstab, and what that means for patching. */
#include <check.h>

#include "guest_fixture.h"
#include "suite.h"

static void make_two_partitions(const char *fstab)
{
	put_root("root", fstab);
	put_directory("root/var");
	put_directory("root/usr");
	put_file("var/marker", "");
	make_disk("disk0.img", 24, "label: gpt\nstart=2048, size=16384\nstart=18432, size=16384\n");
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 1, .size = 8, .from = "root"});
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 9, .size = 8, .from = "var"});
}

#define OWN	"root/etc/systemd/system/"
#define PACKAGE "root/usr/lib/systemd/system/"

/* A unit, and a link to it that says that it is wanted. */
static const struct {
	const char *fstab, *unit, *text, *wanted, *message, *note;
} units[] = {
	{"", OWN "boot.mount",
	 "[Unit]\nWhat=x\n[Mount]\n# What=y\nWhat = /dev/disk/by-label/B\nWhere=/boot/\n", NULL,
	 "/etc/systemd/system/boot.mount mounts /dev/disk/by-label/B at the guest's /boot when it "
	 "runs, which is not updated there; have a line of /etc/fstab mount it, in place of the "
	 "unit",
	 NULL},
	{"/dev/sda2 /var ext4 defaults\n", OWN "usr.mount",
	 "[Mount]\nWhat=UUID=no\nWhere=/usr\nType=ext4\n", NULL,
	 "/etc/systemd/system/usr.mount mounts UUID=no at the guest's /usr when it runs, which is "
	 "not updated there; have a line of /etc/fstab mount it, in place of the unit",
	 NULL},
	{"", PACKAGE "opt.mount", "[Mount]\nWhat=/dev/sda2\nWhere=/opt\n",
	 OWN "local-fs.target.requires/opt.mount",
	 "/usr/lib/systemd/system/opt.mount mounts /dev/sda2 at the guest's /opt when it runs, "
	 "which is not updated there; have a line of /etc/fstab mount it, in place of the unit",
	 NULL},
	{"", PACKAGE "efi.mount", "[Mount]\nWhat=PARTUUID=no\nWhere=/efi\n",
	 PACKAGE "local-fs.target.wants/efi.automount",
	 "/usr/lib/systemd/system/efi.mount mounts PARTUUID=no at the guest's /efi when it runs, "
	 "which is not updated there; have a line of /etc/fstab mount it, in place of the unit",
	 NULL},
	{"", OWN "var-lib-sql.mount", "[Mount]\nWhat=LABEL=sql\nWhere=/var/lib/sql\n", NULL, NULL,
	 "/etc/systemd/system/var-lib-sql.mount mounts LABEL=sql at /var/lib/sql when the guest "
	 "runs: what an update writes there is not seen"},
	{"/dev/sda2 /var ext4 defaults\n", OWN "var.mount", "[Mount]\nWhat=/dev/sda2\nWhere=/var\n",
	 NULL, NULL, NULL},
	{"/dev/sda2 /var ext4 defaults\n", PACKAGE "var.mount",
	 "[Mount]\nWhat=/dev/sda3\nWhere=/var\n", OWN "local-fs.target.wants/var.mount", NULL,
	 NULL},
	{"", PACKAGE "opt.mount", "[Mount]\nWhat=/dev/sda2\nWhere=/opt\n", NULL, NULL, NULL},
	{"", PACKAGE "opt.mount", "[Mount]\nWhat=/dev/sda2\nWhere=/opt\n", OWN "opt.mount", NULL,
	 NULL},
	{"", PACKAGE "tmp.mount", "[Mount]\nWhat=tmpfs\nWhere=/tmp\nType=tmpfs\n",
	 OWN "local-fs.target.wants/tmp.mount", NULL, NULL},
	{"", PACKAGE "dev-hugepages.mount",
	 "[Mount]\nWhat=hugetlbfs\nWhere=/dev/hugepages\nType=hugetlbfs\n",
	 PACKAGE "sysinit.target.wants/dev-hugepages.mount", NULL, NULL},
	{"", OWN "usr-x.mount", "[Mount]\nWhat=srv:/x\nWhere=/usr/x\nType=nfs\n", NULL, NULL, NULL},
	{"", OWN "home.mount", "[Mount]\nWhat=/dev/sdb1\nWhere=/home\n", NULL, NULL, NULL},
	{"", OWN "boot.mount", "[Mount]\nWhat=/dev/sdb1\n", NULL, NULL, NULL},
};

START_TEST(mount_units_are_told)
{
	CLEANUP_OPENED struct opened opened = {0};
	const char *message = units[_i].message, *note = units[_i].note;

	put_file(units[_i].unit, units[_i].text);
	if (units[_i].wanted)
		put_link(units[_i].wanted, "/dev/null");
	make_two_partitions(units[_i].fstab);
	must_open(&opened, NAMES("disk0.img"));
	ck_assert_str_eq(blocker(opened.guest, "mount-not-in-fstab"), message ? message : "");
	ck_assert_uint_eq(opened.guest->n_blockers, message ? 1 : 0);
	ck_assert_uint_eq(opened.guest->n_notes, note ? 1 : 0);
	if (note)
		ck_assert_str_eq(opened.guest->notes[0], note);
}
END_TEST

#define BOOT_LOADER "BC13C2FF-59E6-4262-A352-B275FD6F7172"
#define FIRMWARE    "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"

/* What is in the root besides /boot, and the type of the second partition. */
static const struct {
	const char *fstab, *path, *type;
	bool told;
} types[] = {
	{NULL, "root/srv/x", BOOT_LOADER, true},
	{"/dev/sda1 / ext4\n", "root/efi/x", BOOT_LOADER, true},
	{NULL, "root/srv/x", FIRMWARE, true},
	{NULL, "root/efi/x", FIRMWARE, false},
	{"/dev/sda2 /boot ext4\n", "root/srv/x", BOOT_LOADER, false},
	{"/dev/sda2 /srv ext4\n", "root/srv/x", BOOT_LOADER, false},
	{NULL, "root/boot/vmlinuz", BOOT_LOADER, false},
	{NULL, "root/srv/x", "0FC63DAF-8483-4772-8E79-3D69D8477DE4", false},
};

START_TEST(partitions_that_systemd_knows_by_type_are_told)
{
	CLEANUP_OPENED struct opened opened = {0};
	CLEANUP_FREE char *table =
		xasprintf("label: gpt\nstart=2048, size=16384\nstart=18432, size=16384, type=%s\n",
			  types[_i].type);

	put_root("root", types[_i].fstab);
	put_directory("root/boot");
	put_file(types[_i].path, "x");
	put_file("boot/marker", "");
	make_disk("disk0.img", 24, table);
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 1, .size = 8, .from = "root"});
	make_fs(&(struct test_fs){.disk = "disk0.img", .offset = 9, .size = 8, .from = "boot"});
	must_open(&opened, NAMES("disk0.img"));
	ck_assert_uint_eq(opened.guest->n_blockers, types[_i].told ? 1 : 0);
	ck_assert_str_eq(
		blocker(opened.guest, "mount-not-in-fstab"),
		types[_i].told
			? "systemd mounts partition 2 of disk 1 at the guest's /boot, by its "
			  "type, when it runs, which is not updated there; have a line of "
			  "/etc/fstab mount it"
			: "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest systemd");
	TCase *images = tcase_create("images");

	tcase_add_checked_fixture(images, images_setup, images_teardown);
	tcase_set_timeout(images, 120);
	tcase_add_loop_test(images, mount_units_are_told, 0, sizeof units / sizeof *units);
	tcase_add_loop_test(images, partitions_that_systemd_knows_by_type_are_told, 0,
			    sizeof types / sizeof *types);
	suite_add_tcase(suite, images);
	return suite_run(suite);
}
