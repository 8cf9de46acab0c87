/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layers written into a real ext4 image by the kernel's own tools' standards, and what the checks
 * find when something else is there. */
#include "commit_fixture.h"

#include "commit/expected.h"
#include "commit/place.h"
#include "suite.h"

START_TEST(a_link_across_mounts_becomes_a_copy)
{
	CLEANUP(layer_free)
	struct layer *layer = make_change();
	struct error err = {0};

	apply(layer);
	ck_assert_msg(check(&err) == 0, "%s", err.msg);
}
END_TEST

/* What is done to the result behind commit's back, and what the check says. */
static void spoil(struct tree *tree, int how)
{
	struct place place;
	struct fs_stat stat;
	struct fs_xattr xattr = {(char *)"user.x", (void *)"1", 1};
	struct fs_xattrs xattrs = {&xattr, 1};
	struct error err = {0};
	static const char *const paths[] = {"/dir/other", "/dir/other", "/dir/new",  "/dir/pipe",
					    "/dir/file",  "/dir/new",	"/link",     "/dir/new",
					    "/dir/new",	  "/dir/new",	"/dir/other"};

	ck_assert_int_eq(place_find(tree, paths[how], &place, &err), 0);
	if (how != 4)
		ck_assert_int_eq(fs_stat(place.fs, place.ino, &stat, &err), 0);
	stat.ctime = (struct fs_time){0};
	switch (how) {
	case 0:
		stat.mode ^= 1;
		ck_assert_int_eq(fs_set_meta(place.fs, place.ino, &stat, &err), 0);
		break;
	case 1:
		ck_assert_int_eq(fs_set_xattrs(place.fs, place.ino, &xattrs, &err), 0);
		break;
	case 2:
		ck_assert_int_eq(fs_truncate(place.fs, place.ino, &err), 0);
		ck_assert_int_eq(fs_write(place.fs, place.ino, "X", 1, 0, &err), 0);
		ck_assert_int_eq(fs_set_size(place.fs, place.ino, 5000, &err), 0);
		break;
	case 3:
	case 6:
		ck_assert_int_eq(fs_unlink(place.fs, place.directory, place.name, &err), 0);
		break;
	case 4:
		stat = (struct fs_stat){.mode = S_IFREG | 0644};
		ck_assert_int_eq(
			fs_create(place.fs, place.directory, "file", &stat, &place.ino, &err), 0);
		break;
	case 5:
		ck_assert_int_eq(fs_link(place.fs, place.directory, "again", place.ino, &err), 0);
		break;
	case 8:
		stat.flags |= FS_NODUMP_FL;
		ck_assert_int_eq(fs_set_meta(place.fs, place.ino, &stat, &err), 0);
		break;
	case 9:
		stat.gid = 7;
		ck_assert_int_eq(fs_set_meta(place.fs, place.ino, &stat, &err), 0);
		break;
	case 10:
		ck_assert_int_eq(fs_truncate(place.fs, place.ino, &err), 0);
		ck_assert_int_eq(fs_set_size(place.fs, place.ino, stat.size, &err), 0);
		ck_assert_int_eq(fs_set_meta(place.fs, place.ino, &stat, &err), 0);
		break;
	default:
		stat.mtime.nsec = 1;
		ck_assert_int_eq(fs_set_meta(place.fs, place.ino, &stat, &err), 0);
	}
	for (size_t i = 0; i < tree_n_mounts(tree); i++)
		ck_assert_int_eq(fs_flush(tree_fs(tree, i), &err), 0);
}

static const char *const spoiled[] = {
	"after the commit /dir/other has another mode than it should",
	"after the commit /dir/other has another set of attributes than it should",
	"after the commit /dir/new has another content than it should",
	"after the commit /dir/pipe is missing",
	"after the commit /dir/file is still there",
	"after the commit there is /dir/again, which nobody made",
	"after the commit /link is missing",
	"after the commit /dir/new has another modification time than it should",
	"after the commit /dir/new has another set of flags than it should",
	"after the commit /dir/new has another owner than it should",
	"after the commit /dir/other has another number of blocks than it should",
};

START_TEST(the_check_finds_what_was_spoiled)
{
	CLEANUP(layer_free)
	struct layer *layer = make_change();
	struct guest_disk_pair guest;
	struct error err = {0};

	apply(layer);
	open_pair(&guest, true, true);
	spoil(guest.tree, _i);
	close_pair(&guest);
	ck_assert_int_eq(check(&err), -1);
	ck_assert_str_eq(err.msg, spoiled[_i]);
	ck_assert_int_eq(err.kind, ERROR_BUG);
}
END_TEST

static void rewrite_file(struct tree *tree, const char *content)
{
	struct fs_stat stat, empty;
	struct error err = {0};
	struct place place;
	uint64_t guard;

	ck_assert_int_eq(place_find(tree, "/dir/other", &place, &err), 0);
	ck_assert_int_eq(fs_stat(place.fs, place.ino, &stat, &err), 0);
	stat.ctime = (struct fs_time){0};
	empty = stat;
	empty.size = 0;
	/* The inode that was is taken until there is another one. */
	ck_assert_int_eq(fs_create(place.fs, place.directory, "guard", &empty, &guard, &err), 0);
	ck_assert_int_eq(fs_unlink(place.fs, place.directory, "other", &err), 0);
	ck_assert_int_eq(fs_unlink(place.fs, place.directory, "guard", &err), 0);
	ck_assert_int_eq(fs_create(place.fs, place.directory, "first", &empty, &guard, &err), 0);
	ck_assert_int_eq(fs_create(place.fs, place.directory, "other", &empty, &place.ino, &err),
			 0);
	ck_assert_int_eq(fs_unlink(place.fs, place.directory, "first", &err), 0);
	ck_assert_int_eq(fs_write(place.fs, place.ino, content, strlen(content), 0, &err), 0);
	ck_assert_int_eq(fs_set_meta(place.fs, place.ino, &stat, &err), 0);
}

/* Not a1 and a2, b1 and b2 any more, but a1 and b1, a2 and b2. */
static void tear_pairs(struct tree *tree)
{
	struct place a, b;
	struct error err = {0};

	ck_assert_int_eq(place_find(tree, "/pairs/a2", &a, &err), 0);
	ck_assert_int_eq(place_find(tree, "/pairs/b1", &b, &err), 0);
	ck_assert_int_eq(fs_unlink(a.fs, a.directory, "a2", &err), 0);
	ck_assert_int_eq(fs_unlink(b.fs, b.directory, "b1", &err), 0);
	ck_assert_int_eq(fs_link(a.fs, a.directory, "b1", a.ino, &err), 0);
	ck_assert_int_eq(fs_link(b.fs, b.directory, "a2", b.ino, &err), 0);
}

/* Not two names of one file, but two files. */
static void part_pair(struct tree *tree)
{
	struct fs_stat stat;
	struct error err = {0};
	struct place place;

	ck_assert_int_eq(place_find(tree, "/pairs/a2", &place, &err), 0);
	ck_assert_int_eq(fs_stat(place.fs, place.ino, &stat, &err), 0);
	ck_assert_int_eq(fs_unlink(place.fs, place.directory, "a2", &err), 0);
	stat.size = 0;
	ck_assert_int_eq(fs_create(place.fs, place.directory, "a2", &stat, &place.ino, &err), 0);
	ck_assert_int_eq(fs_write(place.fs, place.ino, "pair\n", 5, 0, &err), 0);
	ck_assert_int_eq(fs_set_meta(place.fs, place.ino, &stat, &err), 0);
}

static void rewrite_link(struct tree *tree)
{
	struct fs_stat stat;
	struct error err = {0};
	struct place place;

	ck_assert_int_eq(place_find(tree, "/link", &place, &err), 0);
	ck_assert_int_eq(fs_stat(place.fs, place.ino, &stat, &err), 0);
	ck_assert_int_eq(fs_unlink(place.fs, place.directory, "link", &err), 0);
	ck_assert_int_eq(
		fs_create_link(place.fs, place.directory, "link", "rid", &stat, &place.ino, &err),
		0);
}

static void rewrite(int how)
{
	struct guest_disk_pair guest;
	struct error err = {0};

	open_pair(&guest, true, true);
	switch (how) {
	case 0:
		rewrite_file(guest.tree, "other\n");
		break;
	case 1:
		rewrite_file(guest.tree, "OTHER\n");
		break;
	case 2:
		tear_pairs(guest.tree);
		break;
	case 3:
		part_pair(guest.tree);
		break;
	default:
		rewrite_link(guest.tree);
	}
	for (size_t i = 0; i < tree_n_mounts(guest.tree); i++)
		ck_assert_int_eq(fs_flush(tree_fs(guest.tree, i), &err), 0);
	close_pair(&guest);
}

static const struct {
	const char *msg;     /* NULL: the same tree */
	const char *without; /* where nothing was to be written again */
} rewritings[] = {
	{NULL, "after the commit /dir/other has another inode than it should"},
	{"after the commit /dir/other has another content than it should",
	 "after the commit /dir/other has another inode than it should"},
	{"after the commit /pairs/a2 has another inode than it should",
	 "after the commit /pairs/a2 has another inode than it should"},
	{"after the commit /pairs/a1 has another number of names than it should",
	 "after the commit /pairs/a2 has another inode than it should"},
	{"after the commit /link has another link target than it should", NULL},
};

/* What a squash writes again may be another inode, and has to read the same. */
START_TEST(what_was_written_again_is_compared)
{
	static char *names[] = {(char *)"/dir/other", (char *)"/link",	   (char *)"/pairs/a1",
				(char *)"/pairs/a2",  (char *)"/pairs/b1", (char *)"/pairs/b2"};
	const struct commit_paths paths = {names, sizeof names / sizeof *names};
	struct error err = {0}, other = {0};

	rewrite(_i);
	if (rewritings[_i].msg) {
		ck_assert_int_eq(check_with(&paths, &err), -1);
		ck_assert_str_eq(err.msg, rewritings[_i].msg);
	} else {
		ck_assert_msg(check_with(&paths, &err) == 0, "%s", err.msg);
	}
	if (rewritings[_i].without) {
		ck_assert_int_eq(check(&other), -1);
		ck_assert_str_eq(other.msg, rewritings[_i].without);
	}
}
END_TEST

START_TEST(a_damaged_file_system_is_found)
{
	CLEANUP_FREE char *image = path_join(work, "root.img");
	struct guest_disk_pair guest;
	struct error err = {0};
	const char *const argv[] = {"debugfs", "-w", "-R", "sif /dir/other links_count 5",
				    image,     NULL};

	run(argv);
	open_pair(&guest, false, false);
	ck_assert_int_eq(commit_check_filesystem(guest.blocks[0], "ext4", work, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(err.msg, "the file system is not clean (e2fsck -fn: ") != NULL, "%s",
		      err.msg);
	ck_assert_msg(strstr(err.msg, "); repair it with e2fsck") != NULL, "%s", err.msg);
	ck_assert_int_eq(commit_check_filesystem(guest.blocks[0], "jfs", work, &err), -1);
	ck_assert_str_eq(err.msg, "a file system of type jfs cannot be checked");
	close_pair(&guest);
}
END_TEST

START_TEST(places_are_known)
{
	const struct package_family *deb = package_family_by_name("deb");

	ck_assert(path_is_expected(deb, "/boot/initrd.img-6.1.0-1-amd64"));
	ck_assert(path_is_expected(
		deb, "/usr/lib/python3/dist-packages/x/__pycache__/y.cpython-311.pyc"));
	ck_assert(path_is_expected(deb, "/var/lib/dpkg/status"));
	ck_assert(!path_is_expected(deb, "/etc/cron.d/evil"));
	ck_assert(!path_is_expected(deb, "/root/.ssh/authorized_keys"));
	ck_assert(path_is_identity("/etc/ssh/ssh_host_rsa_key"));
	ck_assert(!path_is_identity("/etc/ssh/sshd_config"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("commit");
	TCase *tests = tcase_create("checks");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_link_across_mounts_becomes_a_copy);
	tcase_add_loop_test(tests, the_check_finds_what_was_spoiled, 0,
			    sizeof spoiled / sizeof *spoiled);
	tcase_add_loop_test(tests, what_was_written_again_is_compared, 0,
			    sizeof rewritings / sizeof *rewritings);
	tcase_add_test(tests, a_damaged_file_system_is_found);
	tcase_add_test(tests, places_are_known);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
