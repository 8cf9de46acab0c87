/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real images, a real qemu-nbd: what is read, written and refused. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "disk/block.h"
#include "disk/confine.h"
#include "disk/image.h"
#include "scripted.h"
#include "suite.h"

enum { DISK_SIZE = 24 << 20, SEED = 7 };

/* A raw base with a partition table and noise in places, and three overlays on it. */
static void set_up(void)
{
	scripted_set_up("disk");
	run("cd $0; truncate -s 24M base.raw; echo ',,L' | sfdisk -q base.raw;"
	    "dd if=/dev/urandom of=base.raw bs=1M seek=3 count=5 conv=notrunc status=none;"
	    "qemu-img create -q -f qcow2 -b base.raw -F raw 1.qcow2;"
	    "qemu-img create -q -f qcow2 -b 1.qcow2 -F qcow2 2.qcow2;"
	    "qemu-img create -q -f qcow2 -b 2.qcow2 -F qcow2 3.qcow2;"
	    "qemu-io -f qcow2 -c 'write -P 17 4M 100k' 1.qcow2 >/dev/null;"
	    "qemu-io -f qcow2 -c 'write -z 5M 1M' -c 'write -P 9 20M 3000' 2.qcow2 >/dev/null;"
	    "qemu-io -f qcow2 -c 'write -P 3 4097k 1k' 3.qcow2 >/dev/null;");
}

static void tear_down(void)
{
	scripted_tear_down();
}

static struct image *open_named(const char *name)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	CLEANUP_FREE char *base = path_join(directory, "base.raw");
	CLEANUP_FREE char *one = path_join(directory, "1.qcow2");
	CLEANUP_FREE char *two = path_join(directory, "2.qcow2");
	CLEANUP_FREE char *three = path_join(directory, "3.qcow2");
	const char *backing[] = {base, one, two, three};
	struct image_options options = {.backing = backing, .n_backing = 4};

	return image_open(path, &options, &err);
}

static struct image *must_open(const char *name)
{
	struct image *image = open_named(name);

	ck_assert_msg(image != NULL, "%s", err.msg);
	return image;
}

static struct block *must_attach(const struct image *image, bool writable)
{
	struct block *block = image_attach(image, writable, directory, &err);

	ck_assert_msg(block != NULL, "%s", err.msg);
	return block;
}

/* The bytes that qemu-img sees in the chain. */
static char *converted(const char *name)
{
	CLEANUP_FREE char *script =
		xasprintf("cd $0; rm -f flat; qemu-img convert -f qcow2 -O raw %s flat", name);
	CLEANUP_FREE char *path = path_join(directory, "flat");
	struct buffer data = {0};

	run(script);
	ck_assert_int_eq(file_read(path, DISK_SIZE, &data, &err), 0);
	ck_assert_uint_eq(data.len, DISK_SIZE);
	return buffer_steal(&data);
}

START_TEST(chain_reads_as_qemu_reads_it)
{
	CLEANUP(image_free)
	struct image *image = must_open("3.qcow2");
	CLEANUP(block_free)
	struct block *block = must_attach(image, false);
	CLEANUP_FREE char *expected = converted("3.qcow2");
	CLEANUP_FREE char *data = xmalloc(DISK_SIZE);

	ck_assert_uint_eq(image->n_files, 4);
	ck_assert_uint_eq(block_size(block), DISK_SIZE);
	ck_assert_int_eq(block_read(block, data, DISK_SIZE, 0, &err), 0);
	ck_assert(memcmp(data, expected, DISK_SIZE) == 0);
	ck_assert_int_eq(block_read(block, data, 1025, (4 << 20) + 511, &err), 0);
	ck_assert(memcmp(data, expected + (4 << 20) + 511, 1025) == 0);
}
END_TEST

START_TEST(window_reads_its_part)
{
	CLEANUP(image_free)
	struct image *image = must_open("3.qcow2");
	CLEANUP(block_free)
	struct block *block = must_attach(image, false);
	CLEANUP(block_free)
	struct block *window = block_slice(block, 20 << 20, 4096, &err);
	char data[2];

	ck_assert_ptr_nonnull(window);
	ck_assert_int_eq(block_read(window, data, 1, 2999, &err), 0);
	ck_assert_int_eq(data[0], 9);
	ck_assert_int_eq(block_read(window, data, 2, 4095, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "beyond the end of the device"));
	ck_assert_ptr_null(block_slice(block, DISK_SIZE - 1, 2, &err));
	ck_assert_int_eq(block_write(window, "x", 1, 0, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_BUG);
	ck_assert_ptr_nonnull(strstr(err.msg, "read-only"));
}
END_TEST

/* Random writes of all sizes, some read back at once, against the same on a flat copy. */
static void write_at_random(struct block *block, char *copy)
{
	CLEANUP_FREE char *data = xmalloc(200000);

	srand(SEED);
	for (int i = 0; i < 400; i++) {
		size_t len = i % 8 ? 4096 : (size_t)(rand() % 200000) + 1;
		uint64_t offset = i % 8 ? (uint64_t)(rand() % (DISK_SIZE / 4096 - 1)) * 4096
					: (uint64_t)(rand() % (DISK_SIZE - (int)len));

		memset(data, i % 5 ? rand() : 0, len);
		memcpy(copy + offset, data, len);
		ck_assert_msg(block_write(block, data, len, offset, &err) == 0, "%s", err.msg);
		if (i % 3)
			continue;
		ck_assert_int_eq(block_read(block, data, len, offset, &err), 0);
		ck_assert(memcmp(data, copy + offset, len) == 0);
	}
}

START_TEST(overlay_takes_writes_and_the_base_none)
{
	CLEANUP_FREE char *path = path_join(directory, "new.qcow2");
	CLEANUP_FREE char *base = path_join(directory, "base.raw");
	CLEANUP_FREE char *copy = converted("3.qcow2");
	CLEANUP_FREE char *now = NULL;
	CLEANUP(image_free)
	struct image *parent = must_open("3.qcow2");
	CLEANUP(image_free)
	struct image *overlay = NULL;
	struct digest before, after;
	struct block *reader = must_attach(parent, false);
	struct block *block;
	struct error busy;

	ck_assert_int_eq(digest_of_file(base, &before, &err), 0);
	ck_assert_msg(image_create_overlay(parent, path, "3.qcow2", &err) == 0, "%s", err.msg);
	overlay = must_open("new.qcow2");
	ck_assert_str_eq(overlay->files[0].backing_name, "3.qcow2");
	ck_assert_uint_eq(overlay->n_files, 5);
	block = must_attach(overlay, true);
	write_at_random(block, copy);
	ck_assert_msg(block_flush(block, &err) == 0, "%s", err.msg);
	ck_assert_ptr_null(image_open(path, NULL, &busy));
	ck_assert_int_eq(busy.kind, ERROR_BUSY);
	block_free(block);
	block_free(reader);

	ck_assert_msg(image_check(overlay, &err) == 0, "%s", err.msg);
	now = converted("new.qcow2");
	ck_assert(memcmp(now, copy, DISK_SIZE) == 0);
	ck_assert_int_eq(digest_of_file(base, &after, &err), 0);
	ck_assert(digest_equal(&before, &after));
}
END_TEST

START_TEST(what_was_flushed_is_in_the_file)
{
	CLEANUP_FREE char *path = path_join(directory, "new.qcow2");
	CLEANUP_FREE char *now = NULL;
	CLEANUP(image_free)
	struct image *parent = must_open("3.qcow2");
	CLEANUP(image_free)
	struct image *overlay = NULL;
	CLEANUP(block_free)
	struct block *block = NULL;

	ck_assert_int_eq(image_create_overlay(parent, path, "3.qcow2", &err), 0);
	overlay = must_open("new.qcow2");
	block = must_attach(overlay, true);
	ck_assert_int_eq(block_write(block, "flushed", 7, 1 << 20, &err), 0);
	ck_assert_int_eq(block_flush(block, &err), 0);
	run("cp $0/new.qcow2 $0/copy.qcow2");
	now = converted("copy.qcow2");
	ck_assert(memcmp(now + (1 << 20), "flushed", 7) == 0);
}
END_TEST

START_TEST(overlay_is_never_made_over_a_file)
{
	CLEANUP_FREE char *path = path_join(directory, "1.qcow2");
	CLEANUP(image_free)
	struct image *parent = must_open("3.qcow2");

	ck_assert_int_eq(image_create_overlay(parent, path, "3.qcow2", &err), -1);
	ck_assert_int_eq(err.kind, ERROR_USAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "File exists"));
	ck_assert_int_eq(image_create_overlay(parent, "/tmp/x", "nbd://h/", &err), -1);
	ck_assert_int_eq(err.kind, ERROR_USAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot stand in a header"));
}
END_TEST

START_TEST(raw_image_is_never_written)
{
	CLEANUP(image_free)
	struct image *image = must_open("base.raw");

	ck_assert_ptr_null(image_attach(image, true, directory, &err));
	ck_assert_int_eq(err.kind, ERROR_BUG);
	ck_assert_ptr_nonnull(strstr(err.msg, "only an overlay is ever written to"));
}
END_TEST

START_TEST(what_cannot_be_served_is_said)
{
	CLEANUP(image_free)
	struct image *image = must_open("3.qcow2");
	CLEANUP_FREE char *path = path_join(directory, "3.qcow2");
	CLEANUP_FREE char *none = path_join(directory, "none");
	CLEANUP_FREE char *absent = xasprintf("%s: No such file or directory", none);
	CLEANUP_FREE char *refused =
		xasprintf("%s: opening for writing: Operation not permitted", path);
	struct block *block;

	ck_assert_ptr_null(image_attach(image, false, none, &err));
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_str_eq(err.msg, absent);
	ck_assert_ptr_null(image_attach(image, false, "/proc/self", &err));
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_ptr_nonnull(strstr(err.msg, "binding a socket in /proc/self: "));
	run("chattr +i $0/3.qcow2 2>/dev/null || :");
	block = image_attach(image, true, directory, &err);
	run("chattr -i $0/3.qcow2 2>/dev/null || :");
	if (!block) { /* else chattr is for another user, or another file system */
		ck_assert_int_eq(err.kind, ERROR_DENIED);
		ck_assert_str_eq(err.msg, refused);
	}
	block_free(block);
}
END_TEST

START_TEST(check_counts_damage)
{
	CLEANUP(image_free)
	struct image *image = must_open("3.qcow2");

	ck_assert_int_eq(image_check(image, &err), 0);
	/* The refcount of the header's own cluster. */
	run("cd $0; printf '\\0\\0' | dd of=3.qcow2 bs=1 seek=131072 conv=notrunc status=none");
	ck_assert_int_eq(image_check(image, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "qemu-img check counts 1 corruptions"));
}
END_TEST

/* A machine that starts between opening and attaching. */
START_TEST(writer_makes_the_image_busy)
{
	static const char script[] = "exec qemu-nbd -f qcow2 -k \"$0/w\" \"$0/3.qcow2\"";
	const char *const argv[] = {"bash", "-c", script, directory, NULL};
	struct process_spec spec = {.argv = argv};
	CLEANUP(image_free)
	struct image *image = must_open("3.qcow2");
	pid_t writer = process_start(&spec, -1, -1, &err);
	struct block *block;
	struct image *again;

	run("for i in $(seq 500); do [ -S $0/w ] && exit; sleep 0.02; done; exit 1");
	block = image_attach(image, false, directory, &err);
	ck_assert_ptr_null(block);
	ck_assert_msg(err.kind == ERROR_BUSY, "%s", err.msg);
	again = open_named("3.qcow2");
	process_stop(writer, 2000);
	ck_assert_ptr_null(again);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "3.qcow2: is open for writing by another process"));
}
END_TEST

/* What is changed under us cannot make QEMU open another file: the child may not. */
START_TEST(tool_can_open_nothing_else)
{
	static const char script[] =
		"head -c 1 /etc/passwd && exit 1; : > \"$0\"/planted && exit 2;"
		"head -c 1 /proc/self/fd/$1 >/dev/null || exit 3;"
		": 2>/dev/null >> /proc/self/fd/$1 && exit 4; head -c 1 \"$0\"/1.qcow2 && exit 5;"
		"exit 0";
	CLEANUP(image_free)
	struct image *image = must_open("base.raw");
	CLEANUP_CONFINED_FILES struct confined_files files = {0};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	CLEANUP_FREE char *number = NULL;

	ck_assert_int_eq(confined_files_open(image, false, &files, &err), 0);
	if (files.n_fds == files.n_files)
		return; /* no Landlock in this kernel */
	number = xasprintf("%d", files.fds[0]);
	const char *const argv[] = {"bash", "-c", script, directory, number, NULL};
	struct process_spec spec = {.argv = argv,
				    .output_limit = 4096,
				    .pass_fds = files.fds,
				    .n_pass_fds = files.n_fds,
				    .child_setup = confine_child,
				    .child_opaque = &files};

	ck_assert_int_eq(process_run(&spec, &result, &err), 0);
	ck_assert_msg(result.exit_code == 0, "%d: %s", result.exit_code, result.err.data);
}
END_TEST

START_TEST(server_ends_with_the_block)
{
	CLEANUP(image_free)
	struct image *image = must_open("3.qcow2");
	struct block *block = must_attach(image, false);

	run("pgrep -P $PPID -x qemu-nbd >/dev/null");
	block_free(block);
	run("! pgrep -P $PPID -x qemu-nbd >/dev/null; [ -z \"$(find $0 -type s)\" ]");
}
END_TEST

START_TEST(server_that_dies_is_an_error)
{
	CLEANUP(image_free)
	struct image *image = must_open("3.qcow2");
	CLEANUP(block_free)
	struct block *block = must_attach(image, false);
	char byte;

	run("kill -9 $(pgrep -P $PPID -x qemu-nbd)");
	ck_assert_int_eq(block_read(block, &byte, 1, 5, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "3.qcow2, was killed by signal 9"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("disk_serve");
	TCase *tests = tcase_create("disk_serve");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, chain_reads_as_qemu_reads_it);
	tcase_add_test(tests, window_reads_its_part);
	tcase_add_test(tests, overlay_takes_writes_and_the_base_none);
	tcase_add_test(tests, what_was_flushed_is_in_the_file);
	tcase_add_test(tests, overlay_is_never_made_over_a_file);
	tcase_add_test(tests, raw_image_is_never_written);
	tcase_add_test(tests, what_cannot_be_served_is_said);
	tcase_add_test(tests, check_counts_damage);
	tcase_add_test(tests, writer_makes_the_image_busy);
	tcase_add_test(tests, tool_can_open_nothing_else);
	tcase_add_test(tests, server_ends_with_the_block);
	tcase_add_test(tests, server_that_dies_is_an_error);
	return suite_run(suite);
}
