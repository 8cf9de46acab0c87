/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What no sandbox can hold, and ids that are all in use. */
#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "fs_block.h"
#include "guest_images.h"
#include "run/accounts.h"
#include "run/ids.h"
#include "run/view.h"
#include "suite.h"

static struct tree *tree;
static char *view;

/* An empty ext4 file system to write, and an empty view. */
static void set_up(void)
{
	CLEANUP_FREE char *image = NULL;
	struct error err = {0};
	struct fs *fs;
	struct block *block;

	images_setup();
	put_directory("view");
	put_directory("root");
	view = in_work("view");
	image = in_work("disk");
	make_disk("disk", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk", .size = 8, .from = "root"});
	block = file_block_new(open(image, O_RDWR | O_CLOEXEC));
	tree = tree_new();
	tree_own_block(tree, block);
	fs = fs_open_writable(block, &err);
	ck_assert_msg(fs && tree_mount(tree, "/", fs, &err) == 0, "%s", err.msg);
}

static void tear_down(void)
{
	tree_free(tree);
	free(view);
	images_teardown();
}

static uint64_t make(uint64_t directory, const char *name, const struct fs_stat *meta)
{
	struct error err = {0};
	uint64_t ino;

	ck_assert_msg(fs_create(tree_fs(tree, 0), directory, name, meta, &ino, &err) == 0, "%s",
		      err.msg);
	return ino;
}

static void refused(const char *words)
{
	struct error err = {0};

	ck_assert_int_eq(view_copy(tree, view, 0, 0, NULL, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_msg(strstr(err.msg, words) == err.msg, "%s", err.msg);
}

START_TEST(a_path_that_no_call_takes)
{
	static const struct fs_stat directory = {.mode = S_IFDIR | 0755};
	uint64_t ino = fs_root(tree_fs(tree, 0));
	char name[201] = {0};

	if (geteuid() != 0)
		return; /* no owners can be set */
	memset(name, 'n', sizeof name - 1);
	for (int i = 0; i < 21; i++)
		ino = make(ino, name, &directory);
	refused("a path is longer than 4095 bytes; use --executor appliance: /nnnnn");
}
END_TEST

START_TEST(a_view_that_is_not_empty)
{
	static const struct fs_stat file = {.mode = S_IFREG | 0644};

	if (geteuid() != 0)
		return;
	make(fs_root(tree_fs(tree, 0)), "a", &file);
	put_file("view/a", "x");
	refused("make /a in the view: File exists");
	put_file("view/lost+found/x", "x");
	refused("remove lost+found / in the view: Directory not empty");
}
END_TEST

START_TEST(owners_are_roots_to_set)
{
	bool is_root = geteuid() == 0;

	ck_assert_int_eq(chmod(work, 0755), 0);
	ck_assert_int_eq(seteuid(is_root ? 65534 : geteuid()), 0);
	refused("set the owner of / in the view: Operation not permitted");
	ck_assert_int_eq(seteuid(is_root ? 0 : geteuid()), 0);
}
END_TEST

START_TEST(an_id_that_is_not_mapped)
{
	static const struct fs_stat file = {.mode = S_IFREG | 0644, .uid = VIEW_IDS};
	struct error err = {0};
	struct view_size size;

	make(fs_root(tree_fs(tree, 0)), "a", &file);
	ck_assert_int_eq(view_measure(tree, NULL, &size, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_str_eq(err.msg, "/a belongs to 65536:0, and the sandbox has ids below 65536 "
				  "only; use --executor appliance");
}
END_TEST

static void make_text(uint64_t directory, const char *name, const char *text)
{
	static const struct fs_stat file = {.mode = S_IFREG | 0644};
	struct error err = {0};
	uint64_t ino = make(directory, name, &file);

	ck_assert_msg(fs_write(tree_fs(tree, 0), ino, text, strlen(text), 0, &err) == 0, "%s",
		      err.msg);
}

#define ODD_LINES                                                                                  \
	"root:x:0:0::/root:/bin/sh\n\n:\n+::::::\n-\nhalf:x\nwords:x:many:100000x::/:/bin/sh\n"    \
	"old:x:4294967294:4294967294::/:/sbin/nologin\nnobody:x:65534:65534::/:/bin/sh\n"

static const struct {
	const char *passwd, *group, *words; /* how the warning begins; NULL: there is none */
} accounts[] = {
	{NULL, NULL, NULL},
	{"", "", NULL},
	{ODD_LINES "last:x:65535:65535", ODD_LINES "last:x:65535:100000", NULL},
	{ODD_LINES "big:x:65536:0::/:/bin/sh\n", NULL, "big in /etc/passwd has id 65536, and"},
	{"big:x:7:100000::/:/bin/sh\n", NULL, "big in /etc/passwd has id 100000, and"},
	{ODD_LINES, "a:x:1:\nbig:x:100000:", "big in /etc/group has id 100000, and"},
	{"big:x:99999999999999999999999:0::/:/bin/sh\n", NULL,
	 "big in /etc/passwd has id 18446744073709551615, and"},
};

START_TEST(an_account_that_owns_nothing)
{
	static const struct fs_stat directory = {.mode = S_IFDIR | 0755};
	uint64_t etc = make(fs_root(tree_fs(tree, 0)), "etc", &directory);
	const char *words = accounts[_i].words;
	CLEANUP_FREE char *warning = NULL;

	if (accounts[_i].passwd)
		make_text(etc, "passwd", accounts[_i].passwd);
	if (accounts[_i].group)
		make_text(etc, "group", accounts[_i].group);
	warning = accounts_warning(tree);
	if (words)
		ck_assert_msg(warning && !strncmp(warning, words, strlen(words)), "%s", warning);
	else
		ck_assert_ptr_null(warning);
}
END_TEST

/* In a directory of locks of its own. */
START_TEST(ranges_of_ids_are_used_once)
{
	struct error err = {0};
	struct ids ids;
	unsigned n = 0;

	if (unshare(CLONE_NEWNS) < 0)
		return; /* needs root */
	ck_assert_int_eq(mount("", "/", "", MS_REC | MS_PRIVATE, ""), 0);
	ck_assert_int_eq(mount("none", "/run", "tmpfs", 0, ""), 0);
	while (ids_take(&ids, &err) == 0)
		n++;
	ck_assert_uint_eq(n, 256);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_str_eq(err.msg, "all 256 id ranges for sandboxes are in use");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("run view");
	TCase *tests = tcase_create("views");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_path_that_no_call_takes);
	tcase_add_test(tests, a_view_that_is_not_empty);
	tcase_add_test(tests, owners_are_roots_to_set);
	tcase_add_test(tests, ranges_of_ids_are_used_once);
	tcase_add_test(tests, an_id_that_is_not_mapped);
	tcase_add_loop_test(tests, an_account_that_owns_nothing, 0,
			    sizeof accounts / sizeof *accounts);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
