/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ext back end on small real images: refusals and limits by their messages, contents that grow,
 * damaged images. */
#include <check.h>
#include <string.h>

#include "../fuzz/fs_walk.h"
#include "base/process.h"
#include "fs/tree.h"
#include "fs_block.h"
#include "suite.h"

static char path[64];

static void run(const char *const *argv)
{
	struct process_spec spec = {.argv = argv, .output_limit = 2000};
	struct process_result result = {0};
	struct error err = {0};

	ck_assert_msg(process_run_ok(&spec, ERROR_HOST, &result, &err) == 0, "%s", err.msg);
	process_result_free(&result);
}

static void make_image(const char *size, const char *features)
{
	const char *argv[] = {"mke2fs", "-q", "-F", "-t",     "ext4", "-b", "1024",
			      "-N",	"64", "-O", features, path,   size, NULL};
	int fd;

	strcpy(path, "/tmp/fs_test.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	run(argv);
}

static void check_image(void)
{
	const char *argv[] = {"e2fsck", "-fn", path, NULL};

	run(argv);
}

static struct fs *open_image(struct block **ret_block, bool writable)
{
	struct error err = {0};
	struct block *block = file_block_new(open(path, O_RDWR));
	struct fs *fs = writable ? fs_open_writable(block, &err) : fs_open(block, &err);

	ck_assert_msg(fs, "%s", err.msg);
	*ret_block = block;
	return fs;
}

static void close_image(struct fs *fs, struct block *block, bool flush)
{
	struct error err = {0};

	if (flush)
		ck_assert_msg(fs_flush(fs, &err) == 0, "%s", err.msg);
	fs_free(fs);
	block_free(block);
}

static const struct fs_stat file_meta = {.mode = S_IFREG | 0644, .mtime = {1, 2}};
static const struct fs_stat dir_meta = {.mode = S_IFDIR | 0755, .mtime = {1, 2}};

static uint64_t make(struct fs *fs, const char *name, const struct fs_stat *meta)
{
	struct error err = {0};
	uint64_t ino;

	ck_assert_msg(fs_create(fs, fs_root(fs), name, meta, &ino, &err) == 0, "%s", err.msg);
	return ino;
}

START_TEST(callers_mistakes_are_told)
{
	struct block *block;
	struct error err = {0};
	struct fs *fs;
	uint64_t ino, dir, root, child;

	make_image("4M", "none,filetype,extent,has_journal");
	fs = open_image(&block, true);
	root = fs_root(fs);
	ino = make(fs, "file", &file_meta);
	dir = make(fs, "dir", &dir_meta);
	ck_assert_int_eq(fs_create(fs, root, "file", &file_meta, &child, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_BUG);
	ck_assert_str_eq(err.msg, "inode 2: the name file is taken");
	ck_assert_int_eq(fs_create(fs, root, "a/b", &file_meta, &child, &err), -1);
	ck_assert_str_eq(err.msg, "a/b: not a file name");
	ck_assert_int_eq(fs_create(fs, root, "..", &file_meta, &child, &err), -1);
	ck_assert_str_eq(err.msg, "..: not a file name");
	ck_assert_int_eq(fs_create(fs, root, "l", &(struct fs_stat){.mode = S_IFLNK}, &child, &err),
			 -1);
	ck_assert_str_eq(err.msg, "l: not a type of file that is created so");
	ck_assert_int_eq(fs_unlink(fs, root, "none", &err), -1);
	ck_assert_str_eq(err.msg, "inode 2 has no name none");
	ck_assert_int_eq(fs_link(fs, root, "other", dir, &err), -1);
	ck_assert_str_eq(err.msg, "other: a directory has one name only");
	ck_assert_int_eq(fs_create(fs, dir, "x", &file_meta, &child, &err), 0);
	ck_assert_int_eq(fs_unlink(fs, root, "dir", &err), -1);
	ck_assert_str_eq(err.msg, "dir: the directory is not empty");
	ck_assert_int_eq(fs_create(fs, ino, "x", &file_meta, &child, &err), -1);
	ck_assert(strstr(err.msg, "is not a directory"));
	ck_assert_int_eq(fs_write(fs, ino, "12345", 5, 0, &err), 0);
	ck_assert_int_eq(fs_write(fs, dir, "1", 1, 0, &err), -1);
	ck_assert(strstr(err.msg, "is not a regular file"));
	ck_assert_int_eq(fs_write(fs, ino, "1", 1, 2, &err), -1);
	ck_assert(strstr(err.msg, "writing before its end"));
	ck_assert_int_eq(fs_truncate(fs, dir, &err), -1);
	ck_assert_int_eq(fs_write(fs, ino, "1", 1, UINT64_MAX - 1, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert(strstr(err.msg, "the file is too large for ext4"));
	ck_assert_int_eq(fs_create_link(fs, root, "l", "", &file_meta, &child, &err), -1);
	ck_assert_str_eq(err.msg, "l: a symlink's target of 0 bytes does not fit");
	ck_assert_ptr_null(fs_read_link(fs, ino, &err));
	ck_assert(strstr(err.msg, "is not a readable symlink"));
	ck_assert_int_eq(fs_stat(fs, 4000, &(struct fs_stat){0}, &err), -1);
	ck_assert_str_eq(err.msg, "inode 4000 does not exist");
	close_image(fs, block, true);
	check_image();
	fs = open_image(&block, false);
	ck_assert_int_eq(fs_unlink(fs, root, "file", &err), -1);
	ck_assert_str_eq(err.msg, "the file system was opened for reading only");
	close_image(fs, block, false);
	unlink(path);
}
END_TEST

START_TEST(too_small_is_the_image)
{
	static uint8_t data[1 << 20];
	struct block *block;
	struct error err = {0};
	struct fs_space space;
	struct fs *fs;
	uint64_t ino;
	char name[32];
	int i;

	make_image("1M", "none,filetype,extent");
	fs = open_image(&block, true);
	ino = make(fs, "file", &file_meta);
	ck_assert_int_eq(fs_write(fs, ino, data, sizeof data, 0, &err), 0);
	ck_assert_int_eq(fs_space(fs, &space, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg,
			 "inode 12: allocate blocks: the guest's file system is too small: "
			 "no free blocks left");
	for (i = 0; i < 100; i++) {
		sprintf(name, "f%d", i);
		if (fs_create(fs, fs_root(fs), name, &(struct fs_stat){.mode = S_IFIFO}, &ino,
			      &err) < 0)
			break;
	}
	ck_assert_int_lt(i, 100);
	ck_assert_str_eq(err.msg,
			 "new inode: the guest's file system is too small: no free inodes left");
	close_image(fs, block, false);
	check_image();
	unlink(path);
}
END_TEST

START_TEST(a_directory_may_be_what_is_too_small)
{
	static uint8_t data[100 << 10];
	struct block *block;
	struct error err = {0};
	uint64_t ino, end = 0;
	char name[256];
	struct fs *fs;
	int i = 0;

	make_image("1M", "none,filetype,extent");
	fs = open_image(&block, true);
	ino = make(fs, "file", &file_meta);
	for (size_t len = sizeof data; len >= 512; len /= 2)
		for (struct fs_space space = {0};
		     fs_space(fs, &space, &err) == 0 && space.free_bytes > len; end += len)
			ck_assert_int_eq(fs_write(fs, ino, data, len, end, &err), 0);
	do
		snprintf(name, sizeof name, "%0250d", i);
	while (i++ < 8 && fs_link(fs, fs_root(fs), name, ino, &err) == 0);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "inode 2: expand the directory: the guest's file system is too "
				  "small: no free blocks left");
	close_image(fs, block, false);
	unlink(path);
}
END_TEST

START_TEST(attributes_that_do_not_fit_are_refused)
{
	char value[2000] = {0};
	struct fs_xattr large = {"user.large", value, sizeof value},
			unknown = {"odd.name", value, 1};
	struct fs_xattr acl = {"system.posix_acl_access", value, 5}, good = {"user.a", value, 10};
	struct fs_xattrs got = {0};
	struct block *block;
	struct error err = {0};
	struct fs *fs;
	uint64_t ino;

	make_image("2M", "none,filetype,extent,ext_attr");
	fs = open_image(&block, true);
	ino = make(fs, "file", &file_meta);
	ck_assert_int_eq(fs_set_xattrs(fs, ino, &(struct fs_xattrs){&large, 1}, &err), -1);
	ck_assert_str_eq(err.msg, "inode 12: no room for the attribute user.large of 2000 bytes");
	ck_assert_int_eq(fs_set_xattrs(fs, ino, &(struct fs_xattrs){&unknown, 1}, &err), -1);
	ck_assert_str_eq(err.msg, "inode 12: ext4 has no attribute odd.name");
	ck_assert_int_eq(fs_set_xattrs(fs, ino, &(struct fs_xattrs){&acl, 1}, &err), -1);
	ck_assert_str_eq(err.msg, "inode 12: malformed system.posix_acl_access");
	ck_assert_int_eq(fs_set_xattrs(fs, ino, &(struct fs_xattrs){&good, 1}, &err), 0);
	ck_assert_int_eq(fs_read_xattrs(fs, ino, &got, &err), 0);
	ck_assert(fs_xattrs_equal(&got, &(struct fs_xattrs){&good, 1}));
	ck_assert(!fs_xattrs_equal(&got, &(struct fs_xattrs){&good, 0}));
	good.size = 9;
	ck_assert(!fs_xattrs_equal(&got, &(struct fs_xattrs){&good, 1}));
	fs_xattrs_free(&got);
	close_image(fs, block, true);
	check_image();
	unlink(path);
}
END_TEST

/* Written in odd pieces with a hole; what is read, before and after flushing, is what was written.
 */
START_TEST(content_comes_back)
{
	static uint8_t want[300000], got[300000];
	struct block *block;
	struct error err = {0};
	struct fs *fs;
	uint64_t ino, start, end;

	for (size_t i = 0; i < sizeof want; i++)
		want[i] = i < 70001 || i > 200000 ? (uint8_t)(i * 7 + (i >> 9)) : 0;
	make_image("8M", "none,filetype,extent,metadata_csum");
	fs = open_image(&block, true);
	ino = make(fs, "file", &file_meta);
	for (size_t at = 0; at < 70001; at += 777)
		ck_assert_int_eq(
			fs_write(fs, ino, want + at, at + 777 > 70001 ? 70001 - at : 777, at, &err),
			0);
	ck_assert_int_eq(fs_write(fs, ino, want + 200001, sizeof want - 200001, 200001, &err), 0);
	for (int round = 0; round < 2; round++) {
		memset(got, 1, sizeof got);
		ck_assert_int_eq(fs_read(fs, ino, got, sizeof got + 100, 0, &err), sizeof got);
		ck_assert(memcmp(got, want, sizeof got) == 0);
		ck_assert_int_eq(fs_next_data(fs, ino, 80000, &start, &end, &err), 0);
		ck_assert_uint_eq(start, 200001 / 1024 * 1024);
		ck_assert_uint_eq(end, sizeof want);
		ck_assert_int_eq(fs_flush(fs, &err), 0);
	}
	close_image(fs, block, false);
	check_image();
	unlink(path);
}
END_TEST

/* What was not flushed is dropped. */
START_TEST(dropping_changes_nothing)
{
	struct block *block;
	struct error err = {0};
	struct fs *fs;
	uint64_t ino;

	make_image("2M", "none,filetype,extent");
	fs = open_image(&block, true);
	make(fs, "file", &file_meta);
	close_image(fs, block, false);
	fs = open_image(&block, false);
	ck_assert_int_eq(fs_lookup(fs, fs_root(fs), "file", &ino, &err), 0);
	ck_assert_uint_eq(ino, 0);
	close_image(fs, block, false);
	unlink(path);
}
END_TEST

static uint8_t *read_image(size_t *ret_len)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	uint8_t *data;

	ck_assert_int_eq(fstat(fd, &st), 0);
	data = xmalloc((size_t)st.st_size);
	ck_assert_int_eq(pread(fd, data, (size_t)st.st_size, 0), st.st_size);
	close(fd);
	*ret_len = (size_t)st.st_size;
	return data;
}

static void fill_image(void)
{
	static uint8_t data[100000];
	struct fs_xattr xattr = {"user.a", data, 300};
	struct block *block;
	struct error err = {0};
	struct fs *fs = open_image(&block, true);
	uint64_t ino, dir = make(fs, "dir", &dir_meta), child;
	char name[32];

	ino = make(fs, "file", &file_meta);
	ck_assert_int_eq(fs_write(fs, ino, data, sizeof data, 0, &err), 0);
	ck_assert_int_eq(fs_write(fs, ino, data, 5000, 200000, &err), 0);
	ck_assert_int_eq(fs_set_xattrs(fs, ino, &(struct fs_xattrs){&xattr, 1}, &err), 0);
	memset(data, 'x', 200);
	ck_assert_int_eq(fs_create_link(fs, dir, "link", (char *)memset(data, 'x', 200), &file_meta,
					&child, &err),
			 0);
	for (int i = 0; i < 40; i++) {
		sprintf(name, "%030d", i);
		ck_assert_int_eq(fs_link(fs, dir, name, ino, &err), 0);
	}
	close_image(fs, block, true);
	check_image();
}

/* Damaged copies: superblock, descriptors, inodes, directories, extents.  The seed is fixed, so a
 * failure repeats. */
static void damage(const char *features, unsigned rounds)
{
	CLEANUP_FREE uint8_t *image = NULL, *copy = NULL;
	unsigned seed = 1;
	size_t len;

	make_image("1M", features);
	fill_image();
	image = read_image(&len);
	copy = xmalloc(len);
	for (unsigned i = 0; i < rounds; i++) {
		memcpy(copy, image, len);
		for (int n = rand_r(&seed) % 20; n >= 0; n--) {
			size_t region = (size_t)rand_r(&seed) % 4 ? 200 * 1024 : 4096;

			copy[1024 + (size_t)rand_r(&seed) % region] = (uint8_t)rand_r(&seed);
		}
		fuzz_image(copy, len);
	}
	unlink(path);
}

START_TEST(damaged_images_do_no_harm)
{
	/* Without checksums the damage is believed longest. */
	damage("none,filetype,extent,ext_attr,dir_index", 1500);
	damage("none,filetype,ext_attr", 1500);
	damage("none,filetype,extent,ext_attr,inline_data", 500);
	damage("none,filetype,extent,ext_attr,metadata_csum,64bit", 500);
}
END_TEST

/* debugfs COMMAND, then the walk over everything must fail with these words. */
static void refuse(const char *command, const char *words)
{
	const char *argv[] = {"debugfs", "-w", "-R", command, path, NULL};
	struct tree *tree = tree_new();
	size_t nodes = 0;
	struct block *block;
	struct error err = {0};
	struct fs *fs;
	int result;

	make_image("1M", "none,filetype,extent,ext_attr");
	fill_image();
	run(argv);
	fs = open_image(&block, false);
	tree_own_block(tree, block);
	ck_assert_int_eq(tree_mount(tree, "/", fs, &err), 0);
	result = tree_walk(tree, "/", fuzz_node, &nodes, &err);
	if (result == 0) {
		uint64_t ino = 13;
		char buf[10];

		result = (int)fs_read(fs, ino, buf, sizeof buf, 0, &err);
	}
	ck_assert_msg(result == -1, "%s was not noticed", command);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(err.msg, words), "'%s', not '%s'", err.msg, words);
	tree_free(tree);
	unlink(path);
}

START_TEST(damage_is_named)
{
	refuse("sif <13> size 0x7fffffffffff0000", "its size is impossible");
	refuse("sif <13> block[5] 0xffffff", "an extent lies beyond the end of the file system");
	refuse("sif <13> block[1] 0x00090004", "its extent tree is too deep");
	refuse("sif <13> flags 0x80800", "is encrypted");
	refuse("sif <12> size 0x100000", "the directory has a hole");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs");
	TCase *tcase = tcase_create("ext");

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, callers_mistakes_are_told);
	tcase_add_test(tcase, too_small_is_the_image);
	tcase_add_test(tcase, a_directory_may_be_what_is_too_small);
	tcase_add_test(tcase, attributes_that_do_not_fit_are_refused);
	tcase_add_test(tcase, content_comes_back);
	tcase_add_test(tcase, dropping_changes_nothing);
	tcase_add_test(tcase, damaged_images_do_no_harm);
	tcase_add_test(tcase, damage_is_named);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
