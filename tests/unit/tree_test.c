/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Joining file systems, resolving symlinks inside the guest, walking in order. */
#include <check.h>
#include <string.h>

#include "base/process.h"
#include "fs/tree.h"
#include "fs_block.h"
#include "suite.h"

static char path[64];

static struct block *make_image(void)
{
	const char *argv[] = {"mke2fs", "-q", "-F", "-t", "ext4", path, "16M", NULL};
	struct process_spec spec = {.argv = argv, .output_limit = 1000};
	struct process_result result = {0};
	struct error err = {0};
	struct block *block;
	int fd;

	strcpy(path, "/tmp/tree_test.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_msg(process_run_ok(&spec, ERROR_HOST, &result, &err) == 0, "%s", err.msg);
	process_result_free(&result);
	block = file_block_new(fd);
	unlink(path);
	return block;
}

static uint64_t make(struct fs *fs, uint64_t dir, const char *name, mode_t mode)
{
	struct fs_stat meta = {.mode = mode, .mtime = {1, 2}};
	struct error err = {0};
	uint64_t ino;

	ck_assert_msg(fs_create(fs, dir, name, &meta, &ino, &err) == 0, "%s", err.msg);
	return ino;
}

static void make_link(struct fs *fs, uint64_t dir, const char *name, const char *target)
{
	struct fs_stat meta = {.mtime = {1, 2}};
	struct error err = {0};
	uint64_t ino;

	ck_assert_msg(fs_create_link(fs, dir, name, target, &meta, &ino, &err) == 0, "%s", err.msg);
}

static struct fs *open_writable(struct tree *tree, struct block *block)
{
	struct error err = {0};
	struct fs *fs = fs_open_writable(block, &err);

	ck_assert_msg(fs, "%s", err.msg);
	tree_own_block(tree, block);
	return fs;
}

/* / with etc/ usr/ var/ a file, links of all kinds; /var another file system with lib/status. */
static struct tree *make_tree(void)
{
	struct tree *tree = tree_new();
	struct fs *root = open_writable(tree, make_image()),
		  *var = open_writable(tree, make_image());
	uint64_t etc = make(root, fs_root(root), "etc", S_IFDIR | 0755);
	uint64_t covered = make(root, fs_root(root), "var", S_IFDIR | 0755);
	uint64_t file = make(root, etc, "file", S_IFREG | 0644), lib;
	struct error err = {0};

	ck_assert_int_eq(fs_write(root, file, "content", 7, 0, &err), 0);
	make(root, covered, "hidden", S_IFREG | 0644);
	make(root, fs_root(root), "etc-more", S_IFREG | 0644);
	make_link(root, etc, "relative", "file");
	make_link(root, etc, "absolute", "/etc/file");
	make_link(root, etc, "escape", "../../../../etc/file");
	make_link(root, etc, "into", "../var/lib");
	make_link(root, etc, "loop", "loop");
	make_link(root, etc, "nowhere", "nothing");
	lib = make(var, fs_root(var), "lib", S_IFDIR | 0755);
	make(var, lib, "status", S_IFREG | 0644);
	make_link(var, lib, "out", "../../etc");
	make_link(var, lib, "up", "/etc/../var/lib/../lib/status");
	ck_assert_int_eq(tree_mount(tree, "/", root, &err), 0);
	ck_assert_int_eq(tree_mount(tree, "/var", var, &err), 0);
	return tree;
}

static int found(struct tree *tree, const char *name, enum tree_follow follow,
		 struct tree_node *ret)
{
	struct error err = {0};

	return tree_lookup(tree, name, follow, ret, &err);
}

START_TEST(links_stay_inside)
{
	static const char *const same[] = {"/etc/file",		  "/etc/relative",
					   "/etc/absolute",	  "/etc/escape",
					   "/etc/./../etc//file", "/../../etc/file",
					   "/var/lib/out/file",	  "/etc/into/out/escape"};
	CLEANUP(tree_free)
	struct tree *tree = make_tree();
	struct tree_node file, node;

	ck_assert_int_eq(found(tree, "/etc/file", TREE_NOFOLLOW, &file), 1);
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		ck_assert_int_eq(found(tree, same[i], TREE_FOLLOW, &node), 1);
		ck_assert_uint_eq(node.ino, file.ino);
		ck_assert_uint_eq(node.mount, 0);
	}
	ck_assert_int_eq(found(tree, "/etc/into/up", TREE_FOLLOW, &node), 1);
	ck_assert(S_ISREG(node.stat.mode) && node.mount == 1);
	ck_assert_int_eq(found(tree, "/etc/relative", TREE_NOFOLLOW, &node), 1);
	ck_assert(S_ISLNK(node.stat.mode));
	ck_assert_int_eq(found(tree, "/etc/into/", TREE_NOFOLLOW, &node), 1);
	ck_assert(S_ISDIR(node.stat.mode));
	ck_assert_int_eq(found(tree, "/var/..", TREE_FOLLOW, &node), 1);
	ck_assert_uint_eq(node.mount, 0);
}
END_TEST

START_TEST(absent_is_no_error)
{
	static const char *const absent[] = {"/nothing",    "/etc/nowhere", "/etc/file/x",
					     "/etc/file/",  "/var/hidden",  "/etc/relative/",
					     "/etc/file/.."};
	CLEANUP(tree_free)
	struct tree *tree = make_tree();
	struct tree_node node;

	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
		ck_assert_msg(found(tree, absent[i], TREE_FOLLOW, &node) == 0, "%s", absent[i]);
}
END_TEST

START_TEST(loops_and_bad_mounts_are_refused)
{
	CLEANUP(tree_free)
	struct tree *tree = make_tree();
	CLEANUP(block_free)
	struct block *block = make_image();
	CLEANUP(tree_free)
	struct tree *empty = tree_new();
	struct tree_node node;
	struct error err = {0};

	ck_assert_int_eq(tree_lookup(tree, "/etc/loop", TREE_FOLLOW, &node, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "/etc/loop: too many levels of symbolic links");
	ck_assert_int_eq(tree_lookup(tree, "etc", TREE_FOLLOW, &node, &err), -1);
	ck_assert_str_eq(err.msg, "etc: not an absolute path");
	ck_assert_int_eq(tree_mount(tree, "/boot", fs_open(block, &err), &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "the mount point /boot is not a directory of the guest");
	ck_assert_int_eq(tree_mount(empty, "/usr", fs_open(block, &err), &err), -1);
	ck_assert_str_eq(err.msg, "/usr is mounted before /");
}
END_TEST

START_TEST(files_are_read_within_limits)
{
	CLEANUP(tree_free)
	struct tree *tree = make_tree();
	CLEANUP_BUFFER struct buffer text = {0};
	struct error err = {0};

	buffer_puts(&text, "<");
	ck_assert_int_eq(tree_read_file(tree, "/etc/escape", 7, &text, &err), 0);
	ck_assert_str_eq(text.data, "<content");
	ck_assert_int_eq(tree_read_file(tree, "/etc/file", 6, &text, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "/etc/file: larger than 6 bytes");
	ck_assert_int_eq(tree_read_file(tree, "/etc/nowhere", 6, &text, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_str_eq(err.msg, "/etc/nowhere: no such file in the guest");
	ck_assert_int_eq(tree_read_file(tree, "/etc", 6, &text, &err), -1);
	ck_assert_str_eq(err.msg, "/etc: not a regular file");
	ck_assert_str_eq(text.data, "<content");
}
END_TEST

static int note_path(void *opaque, const char *name, const struct tree_node *node,
		     struct error *err)
{
	buffer_printf(opaque, "%zu%s\n", node->mount, name);
	if (strcmp(name, "/stop") == 0)
		return error_set(err, ERROR_BUSY, "stopped");
	return strcmp(name, "/lost+found") == 0;
}

START_TEST(walk_is_sorted_and_crosses_mounts)
{
	CLEANUP(tree_free)
	struct tree *tree = make_tree();
	CLEANUP_BUFFER struct buffer text = {0};
	struct error err = {0};

	ck_assert_int_eq(tree_walk(tree, "/", note_path, &text, &err), 0);
	ck_assert_str_eq(text.data,
			 "0/\n0/etc\n0/etc/absolute\n0/etc/escape\n0/etc/file\n0/etc/into\n"
			 "0/etc/loop\n0/etc/nowhere\n0/etc/relative\n0/etc-more\n"
			 "0/lost+found\n1/var\n1/var/lib\n1/var/lib/out\n"
			 "1/var/lib/status\n1/var/lib/up\n1/var/lost+found\n");
	buffer_clear(&text);
	ck_assert_int_eq(tree_walk(tree, "/var/lib/", note_path, &text, &err), 0);
	ck_assert_str_eq(text.data, "1/var/lib\n1/var/lib/out\n1/var/lib/status\n1/var/lib/up\n");
	ck_assert_int_eq(tree_walk(tree, "/not", note_path, &text, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	make(tree_fs(tree, 0), fs_root(tree_fs(tree, 0)), "stop", S_IFREG | 0600);
	ck_assert_int_eq(tree_walk(tree, "/", note_path, &text, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_str_eq(err.msg, "stopped");
}
END_TEST

START_TEST(mounts_are_found_by_prefix)
{
	CLEANUP(tree_free)
	struct tree *tree = make_tree();

	ck_assert_uint_eq(tree_n_mounts(tree), 2);
	ck_assert_uint_eq(tree_mount_of(tree, "/var/lib"), 1);
	ck_assert_uint_eq(tree_mount_of(tree, "/var"), 1);
	ck_assert_uint_eq(tree_mount_of(tree, "/variable"), 0);
	ck_assert_str_eq(tree_mountpoint(tree, 1), "/var");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree");
	TCase *tcase = tcase_create("tree");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, links_stay_inside);
	tcase_add_test(tcase, absent_is_no_error);
	tcase_add_test(tcase, loops_and_bad_mounts_are_refused);
	tcase_add_test(tcase, files_are_read_within_limits);
	tcase_add_test(tcase, walk_is_sorted_and_crosses_mounts);
	tcase_add_test(tcase, mounts_are_found_by_prefix);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
