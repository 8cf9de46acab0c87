/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Content and metadata of a file system, through one cache, against a plain copy in memory. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fs/ext_io.h"
#include "fs_block.h"

enum { BLOCK = 1024, N_BLOCKS = 64 << 10, MAX_BLOCKS = 2500, ROUNDS = 1000 };

struct device {
	struct block *block;
	struct ext_io *io;
	io_channel channel; /* libext2fs's way in */
	uint8_t *expected, *buf;
	uint64_t next; /* block behind the last content */
};

static struct error err;

static void device_open(struct device *device)
{
	char path[] = "/tmp/ext_io_test.XXXXXX", name[32];
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	unlink(path);
	ck_assert_int_eq(ftruncate(fd, (off_t)N_BLOCKS * BLOCK), 0);
	device->block = file_block_new(fd);
	device->io = ext_io_new(device->block);
	ext_io_name(device->io, name, sizeof name);
	ck_assert_int_eq(ext_io_manager->open(name, 0, &device->channel), 0);
	ck_assert_int_eq(ext_io_manager->set_blksize(device->channel, BLOCK), 0);
	device->expected = xcalloc(N_BLOCKS, BLOCK);
	device->buf = xmalloc((size_t)MAX_BLOCKS * BLOCK);
}

static void device_close(struct device *device)
{
	ext_io_manager->close(device->channel);
	ext_io_free(device->io);
	block_free(device->block);
	free(device->expected);
	free(device->buf);
}

static uint64_t random_below(uint64_t n)
{
	return (uint64_t)random() % n;
}

static void fill(struct device *device, uint64_t first, uint64_t n)
{
	for (size_t i = 0; i < n * BLOCK; i += sizeof(long))
		memcpy(device->buf + i, &(long){random()}, sizeof(long));
	memcpy(device->expected + first * BLOCK, device->buf, n * BLOCK);
}

static void check(const struct device *device, uint64_t first, uint64_t n)
{
	ck_assert(memcmp(device->buf, device->expected + first * BLOCK, n * BLOCK) == 0);
}

/* Mostly behind what was written last, as files are; else near it. */
static void act(struct device *device)
{
	uint64_t n = 1 + random_below(random_below(3) ? 100 : MAX_BLOCKS);
	uint64_t near = device->next > 300 ? device->next - random_below(300) : random_below(300);
	uint64_t at = random_below(50) == 0 ? random_below(N_BLOCKS) : near;
	int kind = (int)random_below(10);

	if (kind < 4)
		at = device->next;
	if (at + n > N_BLOCKS)
		at = 0;
	if (kind < 6) {
		fill(device, at, n);
		ck_assert_int_eq(ext_io_write(device->io, device->buf, n * BLOCK, at * BLOCK, &err),
				 0);
		device->next = at + n;
	} else if (kind == 6) {
		ck_assert_int_eq(ext_io_read(device->io, device->buf, n * BLOCK, at * BLOCK, &err),
				 0);
		check(device, at, n);
	} else if (kind == 7) {
		fill(device, at, n);
		ck_assert_int_eq(
			ext_io_manager->write_blk64(device->channel, at, (int)n, device->buf), 0);
	} else {
		ck_assert_int_eq(
			ext_io_manager->read_blk64(device->channel, at, (int)n, device->buf), 0);
		check(device, at, n);
	}
}

START_TEST(the_last_write_is_what_is_read)
{
	struct device device = {0};

	srandom((unsigned)_i);
	device_open(&device);
	for (int i = 0; i < ROUNDS; i++)
		act(&device);
	ck_assert_int_eq(ext_io_flush(device.io, &err), 0);
	for (uint64_t at = 0; at + MAX_BLOCKS <= N_BLOCKS; at += MAX_BLOCKS) {
		ck_assert_int_eq(block_read(device.block, device.buf, (size_t)MAX_BLOCKS * BLOCK,
					    at * BLOCK, &err),
				 0);
		check(&device, at, MAX_BLOCKS);
	}
	device_close(&device);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ext_io");
	TCase *tcase = tcase_create("ext_io");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, the_last_write_is_what_is_read, 0, 3);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
