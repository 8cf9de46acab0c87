/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small ext images, each with one thing damaged by debugfs or by hand: what is said of it when it
 * is read, or changed. */
#include <check.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/process.h"
#include "fs/tree.h"
#include "fs_block.h"
#include "suite.h"

#define PLAIN  "none,filetype,extent,ext_attr"
#define BLOCKS "none,filetype,ext_attr"
#define INLINE "none,filetype,extent,ext_attr,inline_data"
#define LARGE  "none,filetype,extent,ext_attr,ea_inode"
#define SUMS   "none,filetype,extent,ext_attr,metadata_csum,64bit"

static char path[64];

static void run(const char *const *argv, const char *input)
{
	struct process_spec spec = {.argv = argv, .output_limit = 4000};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	spec.input = input;
	spec.input_len = input ? strlen(input) : 0;
	ck_assert_msg(process_run_ok(&spec, ERROR_HOST, &result, &err) == 0, "%s", err.msg);
}

static void make_image(const char *features)
{
	const char *argv[] = {"mke2fs", "-q", "-F", "-t",     "ext4", "-b", "1024",
			      "-N",	"64", "-O", features, path,   "1M", NULL};
	int fd;

	strcpy(path, "/tmp/ext_damage_test.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	run(argv, NULL);
}

static uint64_t make(struct fs *fs, uint64_t dir, const char *name, mode_t mode)
{
	struct fs_stat meta = {.mode = mode, .mtime = {1, 2}};
	struct error err = {0};
	uint64_t ino;

	ck_assert_msg(fs_create(fs, dir, name, &meta, &ino, &err) == 0, "%s", err.msg);
	return ino;
}

static void put(struct fs *fs, uint64_t ino, const char *text, size_t len, uint64_t offset)
{
	struct error err = {0};

	ck_assert_msg(fs_write(fs, ino, text, len, offset, &err) == 0, "%s", err.msg);
}

static void set_xattr(struct fs *fs, uint64_t ino, char *name, void *value, size_t size)
{
	struct fs_xattr xattr = {name, value, size};
	struct error err = {0};

	ck_assert_msg(fs_set_xattrs(fs, ino, &(struct fs_xattrs){&xattr, 1}, &err) == 0, "%s",
		      err.msg);
}

static char long_target[201], long_name[251];

static void make_links(struct fs *fs)
{
	struct fs_stat meta = {.mtime = {1, 2}};
	struct error err = {0};
	uint64_t ino;

	memset(long_target, 'n', sizeof long_target - 1);
	memcpy(long_target, "far/away", 8);
	ck_assert_int_eq(fs_create_link(fs, fs_root(fs), "link", long_target, &meta, &ino, &err),
			 0);
	ck_assert_uint_eq(ino, 14);
}

/* /dir <12> with first, second and a long name; /file <13>, in two extents, attribute in a block;
 * /link <14>; /inside <15>, attribute in the inode; /acl <16>, with one; /large <17>, its attribute
 * has an inode where that can be. */
static void fill(const char *features)
{
	static char acl[] = "\2\0\0\0"
			    "\1\0\6\0\xff\xff\xff\xff"
			    "\2\0\4\0ACL!"
			    "\4\0\4\0\xff\xff\xff\xff"
			    "\x10\0\6\0\xff\xff\xff\xff"
			    "\x20\0\4\0\xff\xff\xff\xff";
	static char text[3000];
	struct error err = {0};
	struct block *block = file_block_new(open(path, O_RDWR));
	struct fs *fs = fs_open_writable(block, &err);
	uint64_t root, dir, file;

	ck_assert_msg(fs != NULL, "%s", err.msg);
	root = fs_root(fs);
	memset(text, 'v', sizeof text);
	memset(long_name, 'L', sizeof long_name - 1);
	dir = make(fs, root, "dir", S_IFDIR | 0755);
	file = make(fs, root, "file", S_IFREG | 0644);
	ck_assert_uint_eq(file, 13);
	put(fs, file, text, sizeof text, 0);
	put(fs, file, text, sizeof text, 200000);
	set_xattr(fs, file, (char *)"user.marker", text, 300);
	make_links(fs);
	ck_assert_int_eq(fs_link(fs, dir, "first", file, &err), 0);
	ck_assert_int_eq(fs_link(fs, dir, "second", file, &err), 0);
	ck_assert_int_eq(fs_link(fs, dir, long_name, file, &err), 0);
	set_xattr(fs, make(fs, root, "inside", S_IFREG | 0644), (char *)"user.inside", text, 20);
	set_xattr(fs, make(fs, root, "acl", S_IFREG | 0644), (char *)"system.posix_acl_access", acl,
		  sizeof acl - 1);
	file = make(fs, root, "large", S_IFREG | 0644);
	memcpy(text, "LARGEVALUE", 10);
	if (strcmp(features, LARGE) == 0)
		set_xattr(fs, file, (char *)"user.large", text, sizeof text);
	ck_assert_msg(fs_flush(fs, &err) == 0, "%s", err.msg);
	fs_free(fs);
	block_free(block);
}

static int visit(void *opaque, const char *name, const struct tree_node *node, struct error *err)
{
	CLEANUP_FREE char *target = NULL;
	struct fs_xattrs xattrs = {0};
	char buf[1000];

	(void)opaque;
	(void)name;
	if (fs_read_xattrs(node->fs, node->ino, &xattrs, err) < 0)
		return -1;
	fs_xattrs_free(&xattrs);
	if (S_ISREG(node->stat.mode))
		return fs_read(node->fs, node->ino, buf, sizeof buf, 0, err) < 0 ? -1 : 0;
	if (!S_ISLNK(node->stat.mode))
		return 0;
	target = fs_read_link(node->fs, node->ino, err);
	return target ? 0 : -1;
}

static int read_all(struct fs *fs, struct error *err)
{
	struct tree *tree = tree_new();
	int result = tree_mount(tree, "/", fs, err);

	if (result == 0)
		result = tree_walk(tree, "/", visit, NULL, err);
	tree_free(tree);
	return result;
}

static int look_up(struct fs *fs, const char *component, size_t n, struct error *err)
{
	struct tree *tree = tree_new();
	CLEANUP_BUFFER struct buffer name = {0};
	struct tree_node node;
	int result = tree_mount(tree, "/", fs, err);

	for (size_t i = 0; i < n; i++)
		buffer_puts(&name, component);
	if (result == 0)
		result = tree_lookup(tree, name.data, TREE_FOLLOW, &node, err);
	tree_free(tree);
	return result;
}

static int look_up_deep(struct fs *fs, struct error *err)
{
	return look_up(fs, "/dir/second", 1024, err);
}

static int look_up_long(struct fs *fs, struct error *err)
{
	return look_up(fs, "/link", 13100, err);
}

static int write_done(struct fs *fs, int result)
{
	fs_free(fs);
	return result;
}

static int remove_file(struct fs *fs, struct error *err)
{
	return write_done(fs, fs_unlink(fs, fs_root(fs), "file", err));
}

static int remove_second(struct fs *fs, struct error *err)
{
	return write_done(fs, fs_unlink(fs, 12, "second", err));
}

static int drop_attributes(struct fs *fs, struct error *err)
{
	return write_done(fs, fs_set_xattrs(fs, 13, &(struct fs_xattrs){0}, err));
}

static int drop_inside(struct fs *fs, struct error *err)
{
	return write_done(fs, fs_set_xattrs(fs, 15, &(struct fs_xattrs){0}, err));
}

static int add_name(struct fs *fs, struct error *err)
{
	return write_done(fs, fs_link(fs, 12, "another", 13, err));
}

static int add_directory(struct fs *fs, struct error *err)
{
	struct fs_stat meta = {.mode = S_IFDIR | 0755};
	uint64_t ino;

	return write_done(fs, fs_create(fs, 12, "another", &meta, &ino, err));
}

static int grow_inline(struct fs *fs, struct error *err)
{
	return write_done(fs, fs_write(fs, 18, "x", 1, 0x100000, err));
}

/* `at` is from where `find` begins in the image; a find of "" is the superblock. */
static const struct damage {
	const char *features;
	const char *commands; /* of debugfs */
	const char *find;
	int at;
	const char *bytes;
	size_t n_bytes;
	int (*act)(struct fs *fs, struct error *err); /* consumes fs; NULL: read everything */
	const char *words;
} damages[] = {
	{PLAIN, "sif <13> extra_isize 0x7f00\n", .words = "inode 13: wrong i_extra_isize"},
	{PLAIN, NULL, "second", -8, "\xff\xff\xff", 4,
	 .words = "inode 12: a directory entry names an inode that does not exist"},
	{PLAIN, NULL, "second", 2, "/", 1,
	 .words = "inode 12: a directory entry has an impossible name"},
	{PLAIN, NULL, "second", -4, "\7", 2, .words = "inode 12: damaged directory entry"},
	{PLAIN, NULL, "second", -4, "\7", 2, add_name, "inode 12: damaged directory entry"},
	{SUMS, NULL, "second", 2, "x", 1, .words = "inode 12: directory block: "},
	{INLINE, "mkdir inline\nsif <18> size 2\n",
	 .words = "inode 18: an inline directory of impossible size"},
	{INLINE, "write /dev/null inline\nsif <18> size 0x100000\n", .act = grow_inline,
	 .words = "inode 18: it is larger than the data in its inode"},
	{PLAIN, NULL, "second", -8, "\2", 1,
	 .words = "directories too deep: /dir/second/dir/second/"},
	{PLAIN, NULL, "LLLLL", -8, "\2", 1, .words = "path too long: /dir/LLLLL"},
	{PLAIN, NULL, "second", -8, "\2", 1, look_up_deep, "/dir/second/di: path too deep"},
	{PLAIN, NULL, "", 0, "", 0, look_up_long, "/link/link: path too long"},
	{PLAIN, "sif <13> block[6] 0\n",
	 .words = "inode 13: its extents overlap or are out of order"},
	{PLAIN,
	 "sif <13> block[4] 1000\nsif <13> block[5] 10\nsif <13> block[6] 2000\n"
	 "sif <13> block[7] 1000\nsif <13> block[8] 10\n",
	 .words = "inode 13: it refers to more blocks than there are"},
	{BLOCKS, "sif <13> block[IND] 0xffffff\n", .words = "inode 13: block map: "},
	{PLAIN, "sif <13> file_acl 0xffffff\n",
	 .words = "inode 13: its attribute block does not exist"},
	{PLAIN, NULL, "marker", -48, "\0\0\1\xea", 4,
	 .words = "inode 13: its attribute block is of an old format"},
	{PLAIN, NULL, "inside", -16, "\x4c", 1, .words = "inode 15: its attributes have no end"},
	{PLAIN, NULL, "inside", -16, "\x40", 1, .words = "inode 15: an attribute is cut off"},
	{PLAIN, NULL, "inside", -16, "\xff", 1,
	 .words = "inode 15: the name of an attribute is cut off"},
	{PLAIN, NULL, "inside", -14, "\xff\xff", 2,
	 .words = "inode 15: the value of an attribute lies outside"},
	{PLAIN, NULL, "marker", -12, "\xd", 1,
	 .words = "inode 13: an attribute's value is in a wrong inode"},
	{LARGE, NULL, "LARGEVALUE", 0, "x", 1,
	 .words = "inode 17: an attribute's value has a wrong checksum"},
	{PLAIN, NULL, "ACL!", -12, "\2", 1, .words = "inode 16: malformed ACL"},
	{PLAIN, "sif <14> size 0\n", .words = "inode 14: a symlink of impossible length"},
	{PLAIN, "sif <14> size 5000\n", .words = "inode 14: a symlink of impossible length"},
	{PLAIN, NULL, "far/away", 3, "", 1,
	 .words = "inode 14: the target of a symlink has a zero byte in it"},
	{PLAIN, "sif <13> links_count 0\n", .act = remove_file,
	 .words = "inode 13: it has a name but no links"},
	{PLAIN, NULL, "second", -8, "\7", 1, remove_second, "inode 7: a reserved inode has a name"},
	{PLAIN, "sif <13> links_count 65000\n", .act = add_name,
	 .words = "another: an ext file has at most 65000 names"},
	{PLAIN, "sif <12> links_count 65000\n", .act = add_directory,
	 .words = "inode 12: too many directories in one"},
	{PLAIN, NULL, "marker", -44, "\0\0\0", 4, drop_attributes,
	 "inode 13: its attribute block is not in use"},
	{PLAIN, NULL, "marker", -12, "\xf", 1, drop_attributes,
	 "inode 15: it is used as an attribute's value but is none"},
	{PLAIN, "sif <13> links_count 1\nsif <13> block[0] 0\n", .act = remove_file,
	 .words = "inode 13: free its blocks: "},
	{PLAIN, NULL, "inside", -4, "\1", 1, drop_inside, "inode 15: remove attributes: "},
	{SUMS, "set_bg 0 block_bitmap_csum 1\n", .act = add_name,
	 .words = "read the allocation bitmaps: "},
	{PLAIN, NULL, "", 40, "\0\0\0", 4, .words = "open the ext file system: "},
	{PLAIN, NULL, "", 88, "\0\x20", 2, .words = "its inodes are larger than 4096 bytes"},
	{PLAIN, NULL, "", 76, "\0\0\0", 4, add_name, "revision 0 of the format"},
	{PLAIN, NULL, "", 72, "\1", 1, add_name, "made by GNU/Hurd"},
};

static void debug(const char *commands)
{
	const char *argv[] = {"debugfs", "-w", "-f", "/dev/stdin", path, NULL};

	run(argv, commands);
}

static void poke(const struct damage *damage)
{
	CLEANUP_BUFFER struct buffer image = {0};
	struct error err = {0};
	char *at;

	ck_assert_int_eq(file_read(path, 2 << 20, &image, &err), 0);
	at = image.data + 1024;
	if (*damage->find)
		at = memmem(image.data, image.len, damage->find, strlen(damage->find));
	ck_assert_msg(at != NULL, "no %s in the image", damage->find);
	memcpy(at + damage->at, damage->bytes, damage->n_bytes);
	ck_assert_int_eq(file_replace(path, image.data, image.len, 0644, &err), 0);
}

static int act_on_image(const struct damage *damage, struct error *err)
{
	struct block *block = file_block_new(open(path, O_RDWR));
	struct fs *fs = damage->act ? fs_open_writable(block, err) : fs_open(block, err);
	int result = -1;

	if (fs)
		result = damage->act ? damage->act(fs, err) : read_all(fs, err);
	block_free(block);
	return result;
}

START_TEST(damage_is_named)
{
	const struct damage *damage = &damages[_i];
	struct error err = {0};

	make_image(damage->features);
	fill(damage->features);
	if (damage->commands)
		debug(damage->commands);
	else
		poke(damage);
	ck_assert_msg(act_on_image(damage, &err) == -1, "not noticed: %s", damage->words);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(err.msg, damage->words), "'%s', not '%s'", err.msg, damage->words);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ext damage");
	TCase *tcase = tcase_create("ext");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, damage_is_named, 0, sizeof damages / sizeof *damages);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
