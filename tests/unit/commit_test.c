/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layers from hand-made captures, written into a real ext4 image by the kernel's own tools'
 * standards. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "commit/commit.h"
#include "commit/expected.h"
#include "commit/place.h"
#include "layer/layer.h"
#include "suite.h"

static char *work;

static void run(const char *const *argv)
{
	struct process_spec spec = {.argv = argv, .output_limit = 4096};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	ck_assert_msg(process_run_ok(&spec, ERROR_IO, &result, &err) == 0, "%s", err.msg);
}

static void write_text(const char *name, const char *text)
{
	CLEANUP_FREE char *path = path_join(work, name);
	struct error err = {0};

	ck_assert_msg(file_replace(path, text, strlen(text), 0644, &err) == 0, "%s", err.msg);
}

static void make_directory(const char *name)
{
	CLEANUP_FREE char *path = path_join(work, name);

	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void make_image(const char *name, const char *directory)
{
	CLEANUP_FREE char *image = path_join(work, name);
	CLEANUP_FREE char *content = path_join(work, directory);
	const char *const argv[] = {"mke2fs", "-q",  "-t",  "ext4", "-d",
				    content,  image, "16M", NULL};

	run(argv);
}

/* Two files that only their inodes tell apart, each with two names. */
static void make_pairs(void)
{
	static const struct timespec times[2] = {{1600000000, 0}, {1600000000, 0}};

	for (int i = 0; i < 2; i++) {
		CLEANUP_FREE char *name = xasprintf("root/pairs/%c1", 'a' + i);
		CLEANUP_FREE char *first = path_join(work, name);
		CLEANUP_FREE char *second = xasprintf("%s/root/pairs/%c2", work, 'a' + i);

		write_text(name, "pair\n");
		ck_assert_int_eq(link(first, second), 0);
		ck_assert_int_eq(utimensat(AT_FDCWD, first, times, 0), 0);
	}
}

/* /boot (a mount of its own), /dir/file, /dir/other, /link -> dir, /pairs */
static void setup(void)
{
	char template[] = "/tmp/commit-test.XXXXXX";

	work = xstrdup(mkdtemp(template));
	make_directory("root");
	make_directory("root/boot");
	make_directory("root/dir");
	make_directory("root/pairs");
	make_pairs();
	make_directory("boot");
	write_text("root/dir/file", "old\n");
	write_text("root/dir/other", "other\n");
	write_text("boot/kernel", "kernel\n");
	CLEANUP_FREE char *link = path_join(work, "root/link");
	ck_assert_int_eq(symlink("dir", link), 0);
	make_image("root.img", "root");
	make_image("boot.img", "boot");
}

static void teardown(void)
{
	struct error err = {0};

	ck_assert_int_eq(directory_remove(work, &err), 0);
	free(work);
}

struct guest_disk_pair {
	struct image *images[2];
	struct block *blocks[2];
	struct tree *tree;
};

/* The two images, or overlays on them ("root.qcow2", "boot.qcow2") which are made when not there.
 */
static void open_pair(struct guest_disk_pair *pair, bool overlay, bool writable)
{
	static const char *const names[2] = {"root", "boot"}, *const mounts[2] = {"/", "/boot"};
	struct error err = {0};

	pair->tree = tree_new();
	for (int i = 0; i < 2; i++) {
		CLEANUP_FREE char *base = xasprintf("%s/%s.img", work, names[i]);
		CLEANUP_FREE char *top = xasprintf("%s/%s.qcow2", work, names[i]);
		const char *const backing[] = {base};
		struct image_options options = {.backing = backing, .n_backing = 1};
		struct fs *fs;

		if (overlay && access(top, F_OK) < 0) {
			struct image *below = image_open(base, NULL, &err);

			ck_assert_msg(below != NULL, "%s", err.msg);
			ck_assert_int_eq(image_create_overlay(below, top, base, &err), 0);
			image_free(below);
		}
		pair->images[i] = image_open(overlay ? top : base, overlay ? &options : NULL, &err);
		ck_assert_msg(pair->images[i] != NULL, "%s", err.msg);
		pair->blocks[i] = image_attach(pair->images[i], writable, work, &err);
		ck_assert_msg(pair->blocks[i] != NULL, "%s", err.msg);
		fs = writable ? fs_open_writable(pair->blocks[i], &err)
			      : fs_open(pair->blocks[i], &err);
		ck_assert_msg(fs != NULL, "%s", err.msg);
		ck_assert_msg(tree_mount(pair->tree, mounts[i], fs, &err) == 0, "%s", err.msg);
	}
}

static void close_pair(struct guest_disk_pair *pair)
{
	tree_free(pair->tree);
	for (int i = 0; i < 2; i++) {
		block_free(pair->blocks[i]);
		image_free(pair->images[i]);
	}
}

/* A capture that calls everything untouched but what is said, later entries winning. */
static int add_path(void *opaque, const char *path, const struct tree_node *node, struct error *err)
{
	struct capture *capture = opaque;
	struct capture_entry *entry = ARRAY_ADD(capture->entries, capture->n_entries);

	(void)err;
	entry->path = xstrdup(path);
	entry->ino = node->ino + 100000 * node->mount;
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct capture_entry *)a)->path,
		      ((const struct capture_entry *)b)->path);
}

static void sort_capture(struct capture *capture)
{
	qsort(capture->entries, capture->n_entries, sizeof *capture->entries, compare_entries);
}

static struct capture *capture_untouched(struct tree *tree)
{
	struct capture *capture = xcalloc(1, sizeof *capture);
	struct error err = {0};

	capture->spool = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(tree_walk(tree, "/", add_path, capture, &err), 0);
	sort_capture(capture);
	return capture;
}

static void drop(struct capture *capture, const char *path)
{
	size_t kept = 0, len = strlen(path);

	for (size_t i = 0; i < capture->n_entries; i++) {
		struct capture_entry *entry = &capture->entries[i];

		if (strncmp(entry->path, path, len) == 0 &&
		    (entry->path[len] == '\0' || entry->path[len] == '/'))
			free(entry->path);
		else
			capture->entries[kept++] = *entry;
	}
	capture->n_entries = kept;
}

static struct capture_entry *add_new(struct capture *capture, const char *path, mode_t mode)
{
	struct capture_entry *entry;

	drop(capture, path);
	ARRAY_ADD(capture->entries, capture->n_entries)->path = xstrdup(path);
	entry = &capture->entries[capture->n_entries - 1];
	entry->touched = true;
	entry->ino = 900000 + capture->n_entries;
	entry->stat.mode = mode;
	entry->stat.nlink = 1;
	entry->stat.mtime.sec = 1700000000;
	sort_capture(capture);
	for (size_t i = 0; i < capture->n_entries; i++)
		if (strcmp(capture->entries[i].path, path) == 0)
			return &capture->entries[i];
	return NULL;
}

static struct layer *make_layer(struct capture *capture, struct error *err)
{
	struct guest_disk_pair guest;
	struct layer *layer;

	open_pair(&guest, false, false);
	layer = layer_make(work, guest.tree, capture, NULL, err);
	close_pair(&guest);
	return layer;
}

static struct capture *fresh_capture(void)
{
	struct guest_disk_pair guest;
	struct capture *capture;

	open_pair(&guest, false, false);
	capture = capture_untouched(guest.tree);
	close_pair(&guest);
	return capture;
}

START_TEST(nothing_changed_gives_an_empty_layer)
{
	CLEANUP(capture_free)
	struct capture *capture = fresh_capture();
	struct error err = {0};
	CLEANUP(layer_free)
	struct layer *layer = make_layer(capture, &err);

	ck_assert_msg(layer != NULL, "%s", err.msg);
	ck_assert_uint_eq(layer->n_entries, 0);
}
END_TEST

static const struct refusal {
	const char *drop, *add, *msg;
	mode_t mode;
	enum error_kind kind;
} refusals[] = {
	{"/boot", NULL, "the run removed the mount point /boot", 0, ERROR_GUEST},
	{"/boot", "/boot", "the run removed the mount point /boot", S_IFREG, ERROR_GUEST},
	{NULL, "/.wh.x", "/.wh.x: names that begin with \".wh.\" cannot be in a layer", S_IFREG,
	 ERROR_IMAGE},
	{NULL, "/a/b", "/a/b: the capture has no directory above it", S_IFREG, ERROR_GUEST},
	{NULL, "/dir/../x", "/dir/../x: the capture is not in order", S_IFREG, ERROR_GUEST},
};

START_TEST(bad_captures_are_refused)
{
	const struct refusal *refusal = &refusals[_i];
	CLEANUP(capture_free)
	struct capture *capture = fresh_capture();
	struct error err = {0};

	if (refusal->drop)
		drop(capture, refusal->drop);
	if (refusal->add)
		add_new(capture, refusal->add, refusal->mode | 0644);
	ck_assert_ptr_null(make_layer(capture, &err));
	ck_assert_str_eq(err.msg, refusal->msg);
	ck_assert_int_eq(err.kind, refusal->kind);
}
END_TEST

/* /dir/file gone, /dir/new and /boot/linked (one inode, across mounts) there. */
static struct layer *make_change(void)
{
	CLEANUP(capture_free)
	struct capture *capture = fresh_capture();
	struct capture_entry *entry;
	struct error err = {0};
	struct layer *layer;

	drop(capture, "/dir/file");
	entry = add_new(capture, "/boot/linked", S_IFREG | 0600);
	entry->ino = 777777;
	entry->stat.size = 5000;
	entry = add_new(capture, "/dir/new", S_IFREG | 0600);
	entry->ino = 777777;
	entry->stat.size = 5000;
	add_new(capture, "/dir/pipe", S_IFIFO | 0600);
	layer = make_layer(capture, &err);
	ck_assert_msg(layer != NULL, "%s", err.msg);
	return layer;
}

static void apply(const struct layer *layer)
{
	struct guest_disk_pair guest;
	struct error err = {0};

	open_pair(&guest, true, true);
	ck_assert_msg(commit_apply_layer(guest.tree, layer, NULL, &err) == 0, "%s", err.msg);
	close_pair(&guest);
}

static int check_with(const struct layer *layer, const struct commit_paths *rewritten,
		      struct error *err)
{
	__attribute__((cleanup(commit_seen_free))) struct commit_seen seen = {0};
	struct guest_disk_pair parent, result;
	int status;

	open_pair(&parent, false, false);
	open_pair(&result, true, false);
	status = commit_check_tree(&(struct commit_comparison){.parent = parent.tree,
							       .result = result.tree,
							       .layer = layer,
							       .rewritten = rewritten},
				   &seen, err);
	if (status == 0)
		status = commit_check_filesystem(result.blocks[0], "ext4", work, err);
	close_pair(&parent);
	close_pair(&result);
	return status;
}

static int check(const struct layer *layer, struct error *err)
{
	return check_with(layer, NULL, err);
}

START_TEST(a_link_across_mounts_becomes_a_copy)
{
	CLEANUP(layer_free)
	struct layer *layer = make_change();
	struct error err = {0};

	apply(layer);
	ck_assert_msg(check(layer, &err) == 0, "%s", err.msg);
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
	static const char *const paths[] = {"/dir/other", "/dir/other", "/dir/new", "/dir/pipe",
					    "/dir/file",  "/dir/new",	"/link",    "/dir/new"};

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
	ck_assert_int_eq(check(layer, &err), -1);
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
	{"after the commit /link has another link target than it should", NULL},
};

/* What a squash writes again may be another inode, and has to read the same. */
START_TEST(what_was_written_again_is_compared)
{
	static char *names[] = {(char *)"/dir/other", (char *)"/link",	   (char *)"/pairs/a1",
				(char *)"/pairs/a2",  (char *)"/pairs/b1", (char *)"/pairs/b2"};
	const struct commit_paths paths = {names, sizeof names / sizeof *names};
	CLEANUP(capture_free)
	struct capture *capture = fresh_capture();
	struct error err = {0}, other = {0};
	CLEANUP(layer_free)
	struct layer *layer = make_layer(capture, &err);

	rewrite(_i);
	if (rewritings[_i].msg) {
		ck_assert_int_eq(check_with(layer, &paths, &err), -1);
		ck_assert_str_eq(err.msg, rewritings[_i].msg);
	} else {
		ck_assert_msg(check_with(layer, &paths, &err) == 0, "%s", err.msg);
	}
	if (rewritings[_i].without) {
		ck_assert_int_eq(check(layer, &other), -1);
		ck_assert_str_eq(other.msg, rewritings[_i].without);
	}
}
END_TEST

/* The guest's /dir becomes a symlink before the layer comes: nothing is written through it. */
START_TEST(a_layer_never_goes_through_a_symlink)
{
	CLEANUP(layer_free)
	struct layer *layer = make_change();
	struct fs_stat meta = {.mode = S_IFLNK | 0777};
	struct guest_disk_pair guest;
	struct error err = {0};
	struct place place;
	uint64_t ino;

	open_pair(&guest, true, true);
	ck_assert_int_eq(place_find(guest.tree, "/dir/file", &place, &err), 0);
	ck_assert_int_eq(fs_unlink(place.fs, place.directory, "file", &err), 0);
	ck_assert_int_eq(fs_unlink(place.fs, place.directory, "other", &err), 0);
	ck_assert_int_eq(place_find(guest.tree, "/dir", &place, &err), 0);
	ck_assert_int_eq(fs_unlink(place.fs, place.directory, "dir", &err), 0);
	ck_assert_int_eq(
		fs_create_link(place.fs, place.directory, "dir", "/boot", &meta, &ino, &err), 0);
	ck_assert_int_eq(commit_apply_layer(guest.tree, layer, NULL, &err), -1);
	ck_assert_str_eq(err.msg, "/dir/file: the layer does not fit: dir is not a directory");
	close_pair(&guest);
}
END_TEST

START_TEST(a_second_time_does_not_fit)
{
	CLEANUP(layer_free)
	struct layer *layer = make_change();
	struct guest_disk_pair guest;
	struct error err = {0};

	apply(layer);
	open_pair(&guest, true, true);
	ck_assert_int_eq(commit_apply_layer(guest.tree, layer, NULL, &err), -1);
	ck_assert_str_eq(err.msg, "writing /dir/file: the layer does not fit: /dir/file is not "
				  "there to be removed");
	close_pair(&guest);
}
END_TEST

static void flip(const char *path, off_t offset)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, offset), 1);
}

START_TEST(a_layer_that_is_not_its_name_is_refused)
{
	static const char *const files[] = {"layer.json", "merge.json", "layer.tar.zst"};
	static const char *const words[] = {"layer.json", "merge.json is not what",
					    "compressed data"};
	static const off_t offsets[] = {20, 4, 40};
	CLEANUP(layer_free)
	struct layer *layer = make_change(), *again = NULL;
	CLEANUP_FREE char *path = path_join(layer->directory, files[_i]);
	struct layer_visitor nobody = {0};
	struct error err = {0};

	ck_assert_msg(layer_read(layer, &nobody, &err) == 0, "%s", err.msg);
	flip(path, offsets[_i]);
	again = layer_open(work, &layer->digest, &err);
	if (again)
		ck_assert_int_eq(layer_read(again, &nobody, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, words[_i]) != NULL, "%s", err.msg);
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
	TCase *tests = tcase_create("layers");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing_changed_gives_an_empty_layer);
	tcase_add_loop_test(tests, bad_captures_are_refused, 0, sizeof refusals / sizeof *refusals);
	tcase_add_test(tests, a_link_across_mounts_becomes_a_copy);
	tcase_add_loop_test(tests, the_check_finds_what_was_spoiled, 0,
			    sizeof spoiled / sizeof *spoiled);
	tcase_add_loop_test(tests, what_was_written_again_is_compared, 0,
			    sizeof rewritings / sizeof *rewritings);
	tcase_add_test(tests, a_layer_never_goes_through_a_symlink);
	tcase_add_test(tests, a_second_time_does_not_fit);
	tcase_add_loop_test(tests, a_layer_that_is_not_its_name_is_refused, 0, 3);
	tcase_add_test(tests, a_damaged_file_system_is_found);
	tcase_add_test(tests, places_are_known);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
