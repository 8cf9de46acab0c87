/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The content digest against a straightforward one written here from its description, on disks of
 * awkward sizes, and on files that differ while their content does not. */
#include <check.h>
#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "disk/block_impl.h"
#include "disk/image.h"
#include "scripted.h"
#include "suite.h"

enum { LEAF = 65536 };

/* $0 is the directory, $1 the checkout. */
static void set_up(void)
{
	scripted_set_up("content");
}

static void tear_down(void)
{
	scripted_tear_down();
}

static void plain_node(const uint8_t *data, size_t len, uint64_t first, uint64_t n_leaves,
		       struct digest *ret)
{
	uint8_t *bytes = xcalloc(1, 1 + LEAF);
	struct digest sides[2];

	if (n_leaves == 1) {
		for (size_t i = 0; i < LEAF && first * LEAF + i < len; i++)
			bytes[1 + i] = data[first * LEAF + i];
		digest_of(bytes, 1 + LEAF, ret);
	} else {
		plain_node(data, len, first, n_leaves / 2, &sides[0]);
		plain_node(data, len, first + n_leaves / 2, n_leaves / 2, &sides[1]);
		bytes[0] = 1;
		memcpy(bytes + 1, sides, sizeof sides);
		digest_of(bytes, 1 + sizeof sides, ret);
	}
	free(bytes);
}

static void plain_digest(const uint8_t *data, size_t len, struct digest *ret)
{
	struct digest_context *ctx = digest_new();
	uint64_t n_leaves = 64, size = htole64(len);
	struct digest root;

	while (n_leaves * LEAF < len)
		n_leaves *= 2;
	plain_node(data, len, 0, n_leaves, &root);
	digest_update(ctx, "coldpatch-content-1", 19);
	digest_update(ctx, &size, sizeof size);
	digest_update(ctx, root.bytes, sizeof root.bytes);
	digest_finish(ctx, ret);
}

static void digest_of_disk(const char *name, struct digest *ret)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	CLEANUP_FREE char *base = path_join(directory, "base.raw");
	const char *backing[] = {base};
	struct image_options options = {.backing = backing, .n_backing = access(base, F_OK) == 0};
	CLEANUP(image_free)
	struct image *image = image_open(path, &options, &err);
	CLEANUP(block_free)
	struct block *block = NULL;

	ck_assert_msg(image != NULL, "%s", err.msg);
	block = image_attach(image, false, directory, &err);
	ck_assert_msg(block != NULL, "%s", err.msg);
	ck_assert_msg(image_content_digest(block, NULL, ret, &err) == 0, "%s", err.msg);
}

static void digest_of_plain_file(const char *name, struct digest *ret)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	CLEANUP(block_free)
	struct block *block = block_open_file(path, &err);

	ck_assert_msg(block != NULL, "%s", err.msg);
	ck_assert_msg(image_content_digest(block, NULL, ret, &err) == 0, "%s", err.msg);
}

static const size_t sizes[] = {0,	 512,	   65535,    65536,    65537,
			       4 << 20,	 4194305,  5000000,  8 << 20,  (8 << 20) + 1,
			       12345678, 33554432, 20 << 20, 64 << 20, 35654321};

/* Noise in some places, zeros elsewhere, some of them stored; the last disk is dense and ends in a
 * short piece that comes where a full one was. */
START_TEST(digest_is_as_described)
{
	size_t size = sizes[_i];
	size_t step = size == 35654321 ? 20000 : 3000000;
	CLEANUP_FREE uint8_t *data = xcalloc(1, size + 1);
	CLEANUP_FREE char *path = path_join(directory, "disk");
	struct digest expected, digest;

	srand(_i);
	for (size_t at = 0; at + 100 < size; at += (size_t)rand() % step)
		for (size_t i = 0; i < 100; i++)
			data[at + i] = (uint8_t)rand();
	ck_assert_int_eq(file_replace(path, data, size, 0600, &err), 0);
	plain_digest(data, size, &expected);
	digest_of_plain_file("disk", &digest);
	ck_assert(digest_equal(&digest, &expected));
	run("fallocate -d $0/disk");
	digest_of_plain_file("disk", &digest);
	ck_assert(digest_equal(&digest, &expected));
}
END_TEST

START_TEST(one_bit_counts)
{
	struct digest before, after;

	run("head -c 9000000 /dev/zero > $0/disk");
	digest_of_plain_file("disk", &before);
	run("printf '\\001' | dd of=$0/disk bs=1 seek=8999999 conv=notrunc status=none");
	digest_of_plain_file("disk", &after);
	ck_assert(!digest_equal(&before, &after));
	run("head -c 9000512 /dev/zero > $0/disk");
	digest_of_plain_file("disk", &after);
	ck_assert(!digest_equal(&before, &after));
}
END_TEST

START_TEST(form_does_not_count)
{
	static const char *const forms[] = {"top.qcow2", "flat.raw", "packed.qcow2", "full.qcow2"};
	struct digest expected, digest;

	run("cd $0; truncate -s 40M base.raw; echo ',,L' | sfdisk -q base.raw;"
	    "dd if=/dev/urandom of=base.raw bs=1M seek=3 count=9 conv=notrunc status=none;"
	    "qemu-img create -q -f qcow2 -b base.raw -F raw top.qcow2;"
	    "qemu-io -f qcow2 -c 'write -z 4M 5M' -c 'write -P 0 9M 1M' -c 'write -P 8 30M 5000' "
	    "top.qcow2 >/dev/null; c='qemu-img convert -f qcow2 -O'; $c raw top.qcow2 flat.raw;"
	    "$c qcow2 -c top.qcow2 packed.qcow2; $c qcow2 -S 0 top.qcow2 full.qcow2");
	digest_of_disk("base.raw", &expected);
	digest_of_disk("top.qcow2", &digest);
	ck_assert(!digest_equal(&digest, &expected));
	expected = digest;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		digest_of_disk(forms[i], &digest);
		ck_assert_msg(digest_equal(&digest, &expected), "%s", forms[i]);
	}
}
END_TEST

START_TEST(others_compute_the_same)
{
	CLEANUP_FREE char *path = path_join(directory, "expected");
	CLEANUP_BUFFER struct buffer expected = {0};
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;

	run("head -c 21234567 /dev/urandom > $0/disk; truncate -s 50M $0/disk;"
	    "python3 $1/tests/image/content-digest.py $0/disk | tr -d '\\n' > $0/expected");
	digest_of_plain_file("disk", &digest);
	digest_to_hex(&digest, hex);
	ck_assert_int_eq(file_read(path, 100, &expected, &err), 0);
	ck_assert_str_eq(hex, expected.data);
}
END_TEST

/* 8 TiB of nothing but a word near its end. */
START_TEST(zeros_cost_nothing)
{
	struct digest one, other;

	run("cd $0; qemu-img create -q -f qcow2 a.qcow2 8T; qemu-io -f qcow2 "
	    "-c 'write -P 1 7T 512' a.qcow2 >/dev/null; truncate -s 8T b.raw;"
	    "printf '\\125\\252' | dd of=b.raw bs=1 seek=510 conv=notrunc status=none;"
	    "printf '%0512d' 0 | tr 0 '\\001' | dd of=b.raw bs=512 seek=$((7<<31)) "
	    "conv=notrunc status=none; qemu-io -f qcow2 -c 'write -P 0x55 510 1' -c "
	    "'write -P 0xaa 511 1' a.qcow2 >/dev/null");
	digest_of_disk("a.qcow2", &one);
	digest_of_disk("b.raw", &other);
	ck_assert(digest_equal(&one, &other));
}
END_TEST

static bool stop(void *opaque)
{
	return ++*(int *)opaque > 2;
}

START_TEST(digest_can_be_stopped)
{
	int asked = 0;
	struct monitor monitor = {.cancelled = stop, .opaque = &asked};
	CLEANUP_FREE char *path = path_join(directory, "disk");
	CLEANUP(block_free)
	struct block *block = NULL;
	struct digest digest;

	run("head -c 30000000 /dev/urandom > $0/disk");
	block = block_open_file(path, &err);
	ck_assert_int_eq(image_content_digest(block, &monitor, &digest, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
}
END_TEST

START_TEST(a_disk_larger_than_any)
{
	struct block block = {.size = (UINT64_C(1) << 56) + 1};
	struct digest digest;

	ck_assert_int_eq(image_content_digest(&block, NULL, &digest, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "a disk of 72057594037927937 bytes is not supported");
}
END_TEST

START_TEST(file_that_shrinks_is_an_error)
{
	CLEANUP_FREE char *path = path_join(directory, "disk");
	CLEANUP(block_free)
	struct block *block = NULL;
	char byte;

	run("head -c 3000 /dev/urandom > $0/disk");
	block = block_open_file(path, &err);
	run(": > $0/disk");
	ck_assert_int_eq(block_read(block, &byte, 1, 2999, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IO);
	ck_assert_ptr_nonnull(strstr(err.msg, "became shorter"));
	ck_assert_ptr_null(block_open_file(directory, &err));
	ck_assert_ptr_nonnull(strstr(err.msg, "not a regular file"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("disk_content");
	TCase *tests = tcase_create("disk_content");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, digest_is_as_described, 0, sizeof sizes / sizeof *sizes);
	tcase_add_test(tests, one_bit_counts);
	tcase_add_test(tests, form_does_not_count);
	tcase_add_test(tests, others_compute_the_same);
	tcase_add_test(tests, zeros_cost_nothing);
	tcase_add_test(tests, digest_can_be_stopped);
	tcase_add_test(tests, a_disk_larger_than_any);
	tcase_add_test(tests, file_that_shrinks_is_an_error);
	return suite_run(suite);
}
