/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of layers and of their commit: a guest of two real ext4 images, hand-made captures of
 * it, and overlays that take what these give. */
#ifndef TESTS_UNIT_COMMIT_FIXTURE_H
#define TESTS_UNIT_COMMIT_FIXTURE_H

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "commit/commit.h"
#include "layer/layer.h"

static char *work;

static inline void run(const char *const *argv)
{
	struct process_spec spec = {.argv = argv, .output_limit = 4096};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	ck_assert_msg(process_run_ok(&spec, ERROR_IO, &result, &err) == 0, "%s", err.msg);
}

static inline void write_text(const char *name, const char *text)
{
	CLEANUP_FREE char *path = path_join(work, name);
	struct error err = {0};

	ck_assert_msg(file_replace(path, text, strlen(text), 0644, &err) == 0, "%s", err.msg);
}

static inline void make_directory(const char *name)
{
	CLEANUP_FREE char *path = path_join(work, name);

	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static inline void make_image(const char *name, const char *directory)
{
	CLEANUP_FREE char *image = path_join(work, name);
	CLEANUP_FREE char *content = path_join(work, directory);
	const char *const argv[] = {"mke2fs", "-q",  "-t",  "ext4", "-d",
				    content,  image, "16M", NULL};

	run(argv);
}

/* Two files that only their inodes tell apart, each with two names. */
static inline void make_pairs(void)
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
static inline void setup(void)
{
	char template[] = "/tmp/commit-test.XXXXXX";

	work = xstrdup(mkdtemp(template));
	make_directory("root");
	make_directory("root/boot");
	make_directory("root/var");
	make_directory("root/var/mnt");
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

static inline void teardown(void)
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
static inline void open_pair(struct guest_disk_pair *pair, bool overlay, bool writable)
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

static inline void close_pair(struct guest_disk_pair *pair)
{
	tree_free(pair->tree);
	for (int i = 0; i < 2; i++) {
		block_free(pair->blocks[i]);
		image_free(pair->images[i]);
	}
}

/* A capture that calls everything untouched but what is said, later entries winning. */
static inline int add_path(void *opaque, const char *path, const struct tree_node *node,
			   struct error *err)
{
	struct capture *capture = opaque;
	struct capture_entry *entry = ARRAY_ADD(capture->entries, capture->n_entries);

	(void)err;
	entry->path = xstrdup(path);
	entry->ino = node->ino + 100000 * node->mount;
	return 0;
}

static inline int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct capture_entry *)a)->path,
		      ((const struct capture_entry *)b)->path);
}

static inline void sort_capture(struct capture *capture)
{
	qsort(capture->entries, capture->n_entries, sizeof *capture->entries, compare_entries);
}

static inline struct capture *capture_untouched(struct tree *tree)
{
	struct capture *capture = xcalloc(1, sizeof *capture);
	struct error err = {0};

	capture->spool = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(tree_walk(tree, "/", add_path, capture, &err), 0);
	sort_capture(capture);
	return capture;
}

static inline void drop(struct capture *capture, const char *path)
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

static inline struct capture_entry *add_new(struct capture *capture, const char *path, mode_t mode)
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

static inline struct layer *make_layer(struct capture *capture, struct error *err)
{
	struct guest_disk_pair guest;
	struct layer *layer;

	open_pair(&guest, false, false);
	layer = layer_make(work, guest.tree, capture, NULL, err);
	close_pair(&guest);
	return layer;
}

static inline struct capture *fresh_capture(void)
{
	struct guest_disk_pair guest;
	struct capture *capture;

	open_pair(&guest, false, false);
	capture = capture_untouched(guest.tree);
	close_pair(&guest);
	return capture;
}

/* /dir/file gone, /dir/new and /boot/linked (one inode, across mounts) there. */
static inline struct layer *make_change(void)
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

/* Of the layer that was applied last. */
static struct commit_seen seen;

static inline void apply(const struct layer *layer)
{
	struct guest_disk_pair guest;
	struct error err = {0};

	open_pair(&guest, true, true);
	commit_seen_free(&seen);
	ck_assert_msg(commit_apply_layer(guest.tree, layer, NULL, &seen, &err) == 0, "%s", err.msg);
	close_pair(&guest);
}

/* Of what was applied last, if anything. */
static inline int check_with(const struct commit_paths *rewritten, struct error *err)
{
	struct guest_disk_pair parent, result;
	int status;

	open_pair(&parent, false, false);
	open_pair(&result, true, false);
	status = commit_check_tree(&(struct commit_comparison){.parent = parent.tree,
							       .result = result.tree,
							       .rewritten = rewritten},
				   &seen, err);
	if (status == 0)
		status = commit_check_filesystem(result.blocks[0], "ext4", work, err);
	close_pair(&parent);
	close_pair(&result);
	return status;
}

static inline int check(struct error *err)
{
	return check_with(NULL, err);
}

#endif
