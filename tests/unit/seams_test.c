/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest whose file system and packages nobody knows but the two dummies beside this file goes
 * through the library by its usual entry points: inspect, plan, commit, the checks.  The tables of
 * back ends and families are linked from here instead of the library's; nothing else is. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "boot/boot.h"
#include "commit/commit.h"
#include "disk/image.h"
#include "dummy_family.h"
#include "dummy_fs.h"
#include "fs_block.h"
#include "package/families.h"
#include "suite.h"

const struct fs_ops *const fs_back_ends[] = {&dummy_fs_ops, NULL};
const struct package_family *const package_families[] = {&dummy_family, NULL};
const struct package_manager *const package_managers[] = {&dummy_manager, NULL};

enum { DISK_SIZE = 2 << 20, PARTITION_AT = 64 << 10, PROGRAM_SIZE = 64 };

static char work[] = "/tmp/seams-test.XXXXXX";
static struct error err;

#define MUST(call) ck_assert_msg((call) == 0, "%s", err.msg)

/* One partition, of a type that no Linux uses. */
static void put_table(int fd)
{
	uint8_t sector[512] = {0};
	const uint32_t start = PARTITION_AT / 512, count = (DISK_SIZE - PARTITION_AT) / 512;

	sector[446 + 4] = 0x7f;
	memcpy(sector + 446 + 8, &start, 4);
	memcpy(sector + 446 + 12, &count, 4);
	sector[510] = 0x55;
	sector[511] = 0xaa;
	ck_assert_int_eq(ftruncate(fd, DISK_SIZE), 0);
	ck_assert_int_eq(pwrite(fd, sector, sizeof sector, 0), sizeof sector);
}

static uint64_t put(struct fs *fs, uint64_t dir, const char *name, const void *data, size_t len)
{
	const struct fs_stat meta = {.mode = data ? S_IFREG | 0755 : S_IFDIR | 0755,
				     .mtime = {.sec = 1600000000}};
	uint64_t ino;

	MUST(fs_create(fs, dir, name, &meta, &ino, &err));
	if (data)
		MUST(fs_write(fs, ino, data, len, 0, &err));
	return ino;
}

static void put_text(struct fs *fs, uint64_t dir, const char *name, const char *text)
{
	put(fs, dir, name, text, strlen(text));
}

static void put_guest(struct fs *fs)
{
	CLEANUP_BUFFER struct buffer program = {0};
	uint64_t etc = put(fs, fs_root(fs), "etc", NULL, 0), dir;

	MUST(file_read("/bin/true", 1 << 24, &program, &err));
	put_text(fs, etc, "os-release", "ID=dummy\nVERSION_ID=1\nPRETTY_NAME=Dummy\n");
	put_text(fs, etc, "fstab", "/dev/vda1 / dummy defaults 0 1\n");
	put(fs, put(fs, fs_root(fs), "bin", NULL, 0), "sh", program.data, PROGRAM_SIZE);
	dir = put(fs, put(fs, fs_root(fs), "usr", NULL, 0), "share", NULL, 0);
	put_text(fs, dir, "hello", "hello 1\n");
	dir = put(fs, put(fs, fs_root(fs), "var", NULL, 0), "lib", NULL, 0);
	put_text(fs, put(fs, dir, "dummy", NULL, 0), "packages", "hello 1\n");
	MUST(fs_flush(fs, &err));
}

static char *file_in_work(const char *name)
{
	return path_join(work, name);
}

static void set_up(void)
{
	CLEANUP_FREE char *path = NULL;
	struct block *disk, *partition;
	struct fs *fs;

	ck_assert_ptr_nonnull(mkdtemp(work));
	path = file_in_work("base.raw");
	disk = file_block_new(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	put_table(((struct file_block *)disk)->fd);
	disk->size = DISK_SIZE;
	partition = block_slice(disk, PARTITION_AT, DISK_SIZE - PARTITION_AT, &err);
	ck_assert_ptr_nonnull(partition);
	MUST(dummy_fs_make(partition, &err));
	fs = fs_open_writable(partition, &err);
	ck_assert_msg(fs != NULL, "%s", err.msg);
	put_guest(fs);
	fs_free(fs);
	block_free(partition);
	block_free(disk);
}

static void tear_down(void)
{
	MUST(directory_remove(work, &err));
}

/* All that inspecting finds. */
struct opened {
	struct image *image;
	struct block *block;
	struct guest *guest;
	struct tree *tree;
	const struct package_family *family;
	struct package_state state;
};

static void open_image(struct opened *opened, const char *name, bool writable)
{
	const struct guest_access access = {.writable = writable};
	CLEANUP_FREE char *path = file_in_work(name), *base = file_in_work("base.raw");
	const char *const backing[] = {base};
	struct image_options options = {.backing = backing, .n_backing = 1};

	*opened = (struct opened){.image = image_open(path, &options, &err)};
	ck_assert_msg(opened->image != NULL, "%s", err.msg);
	opened->block = image_attach(opened->image, writable, work, &err);
	ck_assert_msg(opened->block != NULL, "%s", err.msg);
	MUST(guest_open((const struct image *const *)&opened->image, &opened->block, 1, &access,
			&opened->guest, &opened->tree, &err));
	opened->family = package_family_detect(opened->tree, &opened->guest->os, &err);
	ck_assert_ptr_eq(opened->family, &dummy_family);
	MUST(dummy_manager.read_state(opened->tree, opened->guest, &opened->state, &err));
	MUST(boot_inspect(opened->tree, opened->family->spare_names, opened->guest, &err));
}

static void close_image(struct opened *opened)
{
	package_state_free(&opened->state);
	tree_free(opened->tree);
	guest_free(opened->guest);
	block_free(opened->block);
	image_free(opened->image);
}

START_TEST(inspect)
{
	struct opened opened;

	open_image(&opened, "base.raw", false);
	ck_assert_uint_eq(opened.guest->n_filesystems, 1);
	ck_assert_str_eq(opened.guest->filesystems[0].type, "dummy");
	ck_assert(opened.guest->filesystems[0].mounted);
	ck_assert_str_eq(opened.guest->os.pretty_name, "Dummy");
	ck_assert_str_eq(opened.guest->packages.family, "dummy");
	ck_assert_uint_eq(opened.guest->packages.n_installed, 1);
	ck_assert_uint_eq(opened.guest->n_blockers, 0);
	close_image(&opened);
}
END_TEST

static struct plan *make_plan(const struct opened *opened)
{
	const struct mirror_snapshot snapshot = {0};
	const struct patchset patchset = {.name = (char[]){"all"}};
	struct resolve_request request = {.scope = RESOLVE_ALL};
	struct resolution resolution = {0};
	struct fit fit = {0};
	struct plan *plan;

	MUST(dummy_manager.resolve(&opened->state, opened->guest, &snapshot, &request, work,
				   &resolution, &err));
	plan = plan_make(opened->guest, &snapshot, &patchset, &resolution);
	MUST(fit_check(plan, opened->guest, &fit, &err));
	fit_free(&fit);
	return plan;
}

START_TEST(plan)
{
	struct opened opened;
	CLEANUP(plan_free)
	struct plan *made = NULL;
	CLEANUP(plan_free)
	struct plan *again = NULL;
	CLEANUP_JSON json_t *json = NULL;
	struct package_commands commands = {0};
	struct digest first, second;

	open_image(&opened, "base.raw", false);
	made = make_plan(&opened);
	json = plan_to_json(made);
	again = plan_from_json(json, &err);
	ck_assert_msg(again != NULL, "%s", err.msg);
	plan_digest(made, &first);
	plan_digest(again, &second);
	ck_assert(digest_equal(&first, &second));
	ck_assert_str_eq(again->family, "dummy");
	ck_assert_str_eq(again->resolution.changes[0].to, "2");
	MUST(dummy_manager.commands(&again->resolution, "/p", -1, &commands, &err));
	ck_assert_str_eq(commands.items[0].argv[1], "/p/hello.dummy");
	package_commands_free(&commands);
	close_image(&opened);
}
END_TEST

/* What a run of the commands would have left: the two files, with the content "hello N". */
struct made_capture {
	struct capture *capture;
	const char *content;
};

static int capture_path(void *opaque, const char *path, const struct tree_node *node,
			struct error *error)
{
	struct made_capture *made = opaque;
	struct capture *capture = made->capture;
	struct capture_entry *entry = ARRAY_ADD(capture->entries, capture->n_entries);

	(void)error;
	entry->path = xstrdup(path);
	entry->ino = node->ino;
	if (strcmp(path, DUMMY_DATABASE) != 0 && strcmp(path, "/usr/share/hello") != 0)
		return 0;
	entry->touched = true;
	entry->stat = node->stat;
	entry->stat.mtime.sec++;
	entry->stat.size = strlen(made->content);
	entry->extents = xcalloc(1, sizeof *entry->extents);
	entry->extents[0] = (struct capture_extent){.length = entry->stat.size};
	entry->n_extents = 1;
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct capture_entry *)a)->path,
		      ((const struct capture_entry *)b)->path);
}

static struct layer *make_layer(struct opened *parent, const char *content)
{
	CLEANUP(capture_free)
	struct capture *capture = xcalloc(1, sizeof *capture);
	CLEANUP_FREE char *spool = file_in_work("spool");
	struct made_capture made = {capture, content};
	struct layer *layer;

	MUST(file_replace(spool, content, strlen(content), 0600, &err));
	capture->spool = open(spool, O_RDONLY | O_CLOEXEC);
	MUST(tree_walk(parent->tree, "/", capture_path, &made, &err));
	qsort(capture->entries, capture->n_entries, sizeof *capture->entries, compare_entries);
	layer = layer_make(work, parent->tree, capture, NULL, &err);
	ck_assert_msg(layer != NULL, "%s", err.msg);
	return layer;
}

/* Prune takes an old layer that no record names. */
static void check_made_again(struct opened *parent, const struct layer *layer, const char *content)
{
	const struct timespec long_ago[] = {{1, 0}, {1, 0}};
	struct layer *again;
	struct stat st;

	MUST(utimensat(AT_FDCWD, layer->directory, long_ago, 0));
	again = make_layer(parent, content);
	ck_assert_str_eq(again->directory, layer->directory);
	ck_assert_int_eq(stat(layer->directory, &st), 0);
	ck_assert_msg(st.st_mtime > 1, "a layer that was made again is as old as it was");
	layer_free(again);
}

static void commit(const struct opened *parent, const struct layer *layer, struct commit_seen *seen)
{
	CLEANUP_FREE char *overlay = file_in_work("overlay.qcow2"),
			  *base = file_in_work("base.raw");
	struct opened target;

	MUST(image_create_overlay(parent->image, overlay, base, &err));
	open_image(&target, "overlay.qcow2", true);
	MUST(commit_apply_layer(target.tree, layer, NULL, seen, &err));
	MUST(block_flush(target.block, &err));
	close_image(&target);
}

static int check_guest(const struct opened *parent, const struct opened *result,
		       const struct plan *made, const struct commit_seen *seen)
{
	CLEANUP_FREE char *package = file_in_work("hello.dummy");
	struct package_payloads payloads = {0};
	struct commit_report report = {0};
	const struct commit_guests guests = {
		.before = parent->guest,
		.after = result->guest,
		.before_tree = parent->tree,
		.after_tree = result->tree,
		.state_before = &parent->state,
		.plan = made,
		.payloads = &payloads,
		.family = parent->family,
		.family_after = result->family,
		.seen = seen,
	};
	int outcome;

	MUST(file_replace(package, "hello 2\n", 8, 0644, &err));
	MUST(package_payloads_add(&payloads, &dummy_manager, package,
				  &made->resolution.changes[0].sha256, &err));
	outcome = commit_check_guest(&guests, &report, &err);
	if (outcome == 0)
		ck_assert_uint_eq(report.n_warnings, 0);
	commit_report_free(&report);
	package_payloads_free(&payloads);
	return outcome;
}

/* Commits what a run left that wrote `content`; what the checks of the guest come to. */
static int commit_and_check(const char *content)
{
	struct opened parent, result;
	struct commit_seen seen = {0};
	CLEANUP(plan_free)
	struct plan *made = NULL;
	CLEANUP(layer_free)
	struct layer *layer = NULL;
	CLEANUP(block_free)
	struct block *block = NULL;
	struct commit_comparison comparison;
	int outcome;

	open_image(&parent, "base.raw", false);
	made = make_plan(&parent);
	layer = make_layer(&parent, content);
	ck_assert_uint_eq(layer->n_entries, 2);
	check_made_again(&parent, layer, content);
	commit(&parent, layer, &seen);
	open_image(&result, "overlay.qcow2", false);
	comparison = (struct commit_comparison){.parent = parent.tree, .result = result.tree};
	MUST(commit_check_tree(&comparison, &seen, &err));
	block = guest_filesystem_block(&result.guest->filesystems[0], &result.block, &err);
	MUST(commit_check_filesystem(block, result.guest->filesystems[0].type, work, &err));
	outcome = check_guest(&parent, &result, made, &seen);
	commit_seen_free(&seen);
	close_image(&result);
	close_image(&parent);
	return outcome;
}

START_TEST(commit_what_was_planned)
{
	MUST(commit_and_check("hello 2\n"));
}
END_TEST

START_TEST(commit_something_else)
{
	ck_assert_int_eq(commit_and_check("hello 3\n"), -1);
	ck_assert_int_eq(err.kind, ERROR_GUEST);
	ck_assert_msg(strstr(err.msg, "hello is 3, not 2") != NULL, "%s", err.msg);
}
END_TEST

/* The checker that the back end names is asked. */
START_TEST(a_checker_that_complains)
{
	CLEANUP_FREE char *path = file_in_work("base.raw");
	CLEANUP(block_free)
	struct block *block = block_open_file(path, &err);
	CLEANUP(block_free)
	struct block *table = block_slice(block, 0, 512, &err);

	ck_assert_int_eq(commit_check_filesystem(table, "dummy", work, &err), -1);
	ck_assert_str_eq(err.msg,
			 "the file system is not clean (grep -qa DUMMYFS1: no reason given)");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("seams");
	TCase *tests = tcase_create("seams");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, inspect);
	tcase_add_test(tests, plan);
	tcase_add_test(tests, commit_what_was_planned);
	tcase_add_test(tests, commit_something_else);
	tcase_add_test(tests, a_checker_that_complains);
	return suite_run(suite);
}
