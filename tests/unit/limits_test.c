/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names on a file system for which those that differ by case alone are one: its root has a
 * directory "efi", and that has "a", "B", and "et" with an acute and with a grave accent. */
#include <check.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/fs_ops.h"
#include "layer/limits.h"
#include "suite.h"

static const char *const names[] = {"",	 "",	      "efi",	  "a",
				    "B", "\xc3\xa9t", "\xc3\xa8t"}; /* by inode */
enum { ROOT = 1, DIRECTORY, N_INODES = 7 };

static uint64_t parent_of(uint64_t ino)
{
	return ino == ROOT ? 0 : ino == DIRECTORY ? ROOT : DIRECTORY;
}

static void limited_free(struct fs *fs)
{
	free(fs);
}

static const struct fs_limits *limited_limits(const struct fs *fs)
{
	static const struct fs_limits limits = {
		.permissions = 0700, .seconds = 2, .earliest = 4, .latest = 100};

	(void)fs;
	return &limits;
}

static uint64_t limited_root(const struct fs *fs)
{
	(void)fs;
	return ROOT;
}

static int limited_stat(struct fs *fs, uint64_t ino, struct fs_stat *ret, struct error *err)
{
	(void)fs, (void)err;
	*ret = (struct fs_stat){.ino = ino, .mode = ino > DIRECTORY ? S_IFREG : S_IFDIR};
	return 0;
}

static int limited_lookup(struct fs *fs, uint64_t dir, const char *name, uint64_t *ret,
			  struct error *err)
{
	(void)fs, (void)err;
	*ret = 0;
	for (uint64_t ino = ROOT; ino < N_INODES; ino++)
		if (parent_of(ino) == dir && strcmp(names[ino], name) == 0)
			*ret = ino;
	return 0;
}

static int limited_read_directory(struct fs *fs, uint64_t dir, fs_entry_callback *callback,
				  void *opaque, struct error *err)
{
	(void)fs;
	for (uint64_t ino = ROOT; ino < N_INODES; ino++)
		if (parent_of(ino) == dir && callback(opaque, names[ino], ino, err) < 0)
			return -1;
	return 0;
}

static const struct fs_ops limited_ops = {
	.free = limited_free,
	.limits = limited_limits,
	.root = limited_root,
	.stat = limited_stat,
	.lookup = limited_lookup,
	.read_directory = limited_read_directory,
};

static struct tree *limited_tree(void)
{
	struct fs *fs = xcalloc(1, sizeof *fs);
	struct tree *tree = tree_new();
	struct error err = {0};

	fs->ops = &limited_ops;
	ck_assert_int_eq(tree_mount(tree, "/", fs, &err), 0);
	return tree;
}

/* "-PATH" is removed, "+PATH/" is a directory, "=PATH/" one that was made anew, "+PATH" a file; in
 * the order of paths. */
static struct diff *diff_of(const char *const *changes)
{
	struct diff *diff = xcalloc(1, sizeof *diff);

	for (; *changes; changes++) {
		struct layer_entry *entry = &ARRAY_ADD(diff->changes, diff->n_changes)->entry;
		size_t len = strlen(*changes);
		bool directory = (*changes)[len - 1] == '/';

		entry->path = xstrndup(*changes + 1, len - 1 - directory);
		entry->action = **changes == '-' ? LAYER_REMOVE : LAYER_REPLACE;
		entry->opaque = **changes == '=';
		entry->stat.mode = directory ? S_IFDIR : S_IFREG;
		entry->stat.mtime.sec = 1;
	}
	return diff;
}

#define ONE_NAME                                                                                   \
	"which are the same name for the file system of the guest's /; hold back the "             \
	"package that brings one of them"
#define MAY_BE                                                                                     \
	"which may be the same name for the file system of the guest's /; hold back the package "  \
	"that brings one of them"
#define NOT_KEPT                                                                                   \
	", which the file system of the guest's / does not keep; hold back the package that "      \
	"brings it"
#define STAYS                                                                                      \
	"which is the same name for the file system of the guest's /; give it the package's "      \
	"spelling in the guest first"

static const struct {
	const char *changes[5], *message;
} cases[] = {
	{{"+/efi/A"}, "/efi/A is brought, and there is a, " STAYS},
	{{"+/EFI/", "+/EFI/x"}, "/EFI is brought, and there is efi, " STAYS},
	{{"+/efi/C", "+/efi/c"}, "/efi/C and /efi/c are brought, " ONE_NAME},
	{{"+/efi/C/", "+/efi/C/x", "+/efi/c", "+/efi/d"},
	 "/efi/C and /efi/c are brought, " ONE_NAME},
	{{"=/efi/", "+/efi/C", "+/efi/c"}, "/efi/C and /efi/c are brought, " ONE_NAME},
	{{"+/efi/A", "-/efi/B", "+/efi/b"}, "/efi/A is brought, and there is a, " STAYS},
	{{"+/efi/\xc3\x84.x", "+/efi/\xc3\xa4.X"},
	 "/efi/\xc3\x84.x and /efi/\xc3\xa4.X are brought, " MAY_BE},
	{{"+/efi/\xc3\x89T"},
	 "/efi/\xc3\x89T is brought, and there is \xc3\xa9t, which may be the same name for the "
	 "file "
	 "system of the guest's /; give it the package's spelling in the guest first"},
	{{"+/efi/x."}, "/efi/x. is a name that ends with a dot or a blank" NOT_KEPT},
	{{"+/efi/x "}, "/efi/x  is a name that ends with a dot or a blank" NOT_KEPT},
	{{"+/efi/.../"}, "/efi/... is a name that ends with a dot or a blank" NOT_KEPT},
	{{"+/efi/a:b"}, "/efi/a:b is a name with one of * ? < > | \" : \\" NOT_KEPT},
	{{"+/efi/a\\"}, "/efi/a\\ is a name with one of * ? < > | \" : \\" NOT_KEPT},
	{{"+/efi/\001"}, "/efi/\001 is a name with a control character" NOT_KEPT},
	{{"+/efi/\344"}, "/efi/\344 is a name that is not UTF-8" NOT_KEPT},
	{{"+/efi/\xc3\xa4", "+/efi/\xc3\xa4\xc3\xa4", "+/efi/x.y z", "-/efi/x."}, NULL},
	{{"+/efi/\xc3\x89T", "-/efi/\xc3\xa8t", "-/efi/\xc3\xa9t"}, NULL},
	{{"+/efi/\xc3\xa8t", "+/efi/\xc3\xa9t"}, NULL},
	{{"+/efi/A", "-/efi/a"}, NULL},
	{{"-/efi/B", "+/efi/b"}, NULL},
	{{"+/EFI/", "+/EFI/a", "-/efi"}, NULL},
	{{"=/efi/", "+/efi/A"}, NULL},
	{{"+/efi/a", "+/efi/c", "+/efi/cc"}, NULL},
};

START_TEST(names_that_are_one_are_refused)
{
	CLEANUP(tree_free)
	struct tree *tree = limited_tree();
	CLEANUP(diff_free)
	struct diff *diff = diff_of(cases[_i].changes);
	struct error err = {0};
	int status = limits_put(diff, tree, &err);

	if (!cases[_i].message) {
		ck_assert_msg(status == 0, "%s", err.msg);
		return;
	}
	ck_assert_int_eq(status, -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, cases[_i].message);
}
END_TEST

/* What is left of a new file's metadata. */
static struct fs_stat kept_of(struct fs_stat stat)
{
	CLEANUP(tree_free)
	struct tree *tree = limited_tree();
	CLEANUP(diff_free)
	struct diff *diff = diff_of((const char *const[]){"+/efi/new", NULL});
	struct layer_entry *entry = &diff->changes[0].entry;
	struct error err = {0};

	entry->stat = stat;
	ck_assert_int_eq(limits_put(diff, tree, &err), 0);
	return entry->stat;
}

START_TEST(what_is_not_kept_is_cut)
{
	const struct fs_stat kept = kept_of((struct fs_stat){
		.mode = S_IFREG | 04644, .uid = 1, .gid = 2, .mtime = {.sec = 5, .nsec = 6}});

	ck_assert_uint_eq(kept.mode, S_IFREG | 0700);
	ck_assert_uint_eq(kept.uid + kept.gid, 0);
	ck_assert_int_eq(kept.mtime.sec, 4);
	ck_assert_uint_eq(kept.mtime.nsec, 0);
}
END_TEST

static const struct {
	int64_t time, kept;
} times[] = {{-1, 4}, {0, 4}, {4, 4}, {7, 6}, {100, 100}, {101, 100}, {INT64_C(1) << 33, 100}};

START_TEST(a_time_is_one_that_is_kept)
{
	const struct fs_stat kept =
		kept_of((struct fs_stat){.mode = S_IFREG | 0644, .mtime = {.sec = times[_i].time}});

	ck_assert_int_eq(kept.mtime.sec, times[_i].kept);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("limits");
	TCase *tests = tcase_create("limits");

	tcase_add_loop_test(tests, names_that_are_one_are_refused, 0, sizeof cases / sizeof *cases);
	tcase_add_test(tests, what_is_not_kept_is_cut);
	tcase_add_loop_test(tests, a_time_is_one_that_is_kept, 0, sizeof times / sizeof *times);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
