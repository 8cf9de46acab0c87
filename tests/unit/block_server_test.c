/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server is read and written by QEMU's own tools, which speak NBD by the book. */
#include "disk/block_server.h"

#include <check.h>
#include <endian.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/process.h"
#include "fs_block.h"
#include "suite.h"

static char directory[64];
static char socket_path[80];

static struct block *block_of(size_t size)
{
	char path[] = "/tmp/coldpatch-block.XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	return file_block_new(fd);
}

static struct block_server *start(struct block *block, bool writable)
{
	struct block_export export = {block, writable, socket_path};
	struct error err = {0};
	struct block_server *server = block_server_start(&export, 1, &err);

	ck_assert_msg(server != NULL, "%s", err.msg);
	return server;
}

/* The exit status of qemu-io with these commands. */
static int qemu_io(const char *option, const char *first, const char *second)
{
	CLEANUP_FREE char *url = xasprintf("nbd:unix:%s", socket_path);
	const char *const argv[] = {"qemu-io", option, "-f",   "raw", "-c",
				    first,     "-c",   second, url,   NULL};
	struct process_spec spec = {.argv = argv, .output_limit = 1 << 12, .deadline_ms = 30000};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	ck_assert_msg(process_run(&spec, &result, &err) == 0, "%s", err.msg);
	return result.exit_code;
}

static void set_up(void)
{
	strcpy(directory, "/tmp/coldpatch-server.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(socket_path, sizeof socket_path, "%s/socket", directory);
}

static void tear_down(void)
{
	ck_assert_int_eq(rmdir(directory), 0);
}

START_TEST(what_is_written_is_read)
{
	struct block *block = block_of(8 << 20);
	struct block_server *server = start(block, true);
	struct error err = {0};
	char bytes[2] = {0};

	ck_assert_int_eq(qemu_io("-n", "write -P 0x5a 1M 3M", "flush"), 0);
	ck_assert_int_eq(qemu_io("-r", "read -P 0x5a 1M 3M", "read -P 0 4M 4M"), 0);
	ck_assert_int_eq(block_server_stop(server, &err), 0);
	ck_assert_int_eq(block_read(block, bytes, 2, (4 << 20) - 1, &err), 0);
	ck_assert_int_eq(bytes[0], 0x5a);
	ck_assert_int_eq(bytes[1], 0);
	block_free(block);
}
END_TEST

START_TEST(a_read_only_one_is_not_written)
{
	struct block *block = block_of(1 << 20);
	struct block_server *server = start(block, false);
	struct error err = {0};
	char byte = 0;

	ck_assert_int_ne(qemu_io("-n", "write -P 1 0 4k", "flush"), 0);
	ck_assert_int_eq(qemu_io("-r", "read -P 0 0 4k", "read -P 0 1M 0"), 0);
	ck_assert_int_eq(block_server_stop(server, &err), 0);
	ck_assert_int_eq(block_read(block, &byte, 1, 0, &err), 0);
	ck_assert_int_eq(byte, 0);
	block_free(block);
}
END_TEST

static int fail_to_write(struct block *block, const void *buf, size_t len, uint64_t offset,
			 struct error *err)
{
	(void)block, (void)buf, (void)len, (void)offset;
	return error_set(err, ERROR_SPACE, "no room");
}

static const struct block_ops full_ops = {.read = file_block_read,
					  .write = fail_to_write,
					  .flush = file_block_flush,
					  .free = file_block_free};

/* The client, too, learns of it; but ours is the word that counts. */
START_TEST(a_write_that_fails_is_told)
{
	struct block *block = block_of(1 << 20);
	struct block_server *server;
	struct error err = {0};

	block->ops = &full_ops;
	server = start(block, true);
	ck_assert_int_ne(qemu_io("-n", "write -P 1 0 4k", "flush"), 0);
	ck_assert_int_eq(block_server_stop(server, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_SPACE);
	ck_assert_str_eq(err.msg, "no room");
	block_free(block);
}
END_TEST

/* A request beyond the end, and one without the magic number: an error, and the end. */
START_TEST(nonsense_is_refused)
{
	static const char greeting[] = {0, 0, 0, 3};
	static const char go[] = "IHAVEOPT\0\0\0\1\0\0\0\0";
	struct {
		uint32_t magic;
		uint16_t flags, type;
		uint64_t cookie, offset;
		uint32_t len;
	} __attribute__((packed))
	request = {.magic = htobe32(0x25609513), .offset = htobe64(1 << 20), .len = htobe32(1)};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct block *block = block_of(1 << 20);
	struct block_server *server = start(block, false);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char answer[64];
	struct error err = {0};

	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(recv(fd, answer, 18, MSG_WAITALL), 18);
	ck_assert_int_eq(send(fd, greeting, 4, 0), 4);
	ck_assert_int_eq(send(fd, go, 16, 0), 16);
	ck_assert_int_eq(recv(fd, answer, 10, MSG_WAITALL), 10);
	ck_assert_int_eq(send(fd, &request, sizeof request, 0), sizeof request);
	ck_assert_int_eq(recv(fd, answer, 16, MSG_WAITALL), 16);
	ck_assert_int_eq(answer[7], 22);
	request.magic = 0;
	ck_assert_int_eq(send(fd, &request, sizeof request, 0), sizeof request);
	ck_assert_int_eq(recv(fd, answer, 1, 0), 0);
	close(fd);
	ck_assert_int_eq(block_server_stop(server, &err), 0);
	block_free(block);
}
END_TEST

START_TEST(one_that_is_stopped_cuts_off)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct block *block = block_of(1 << 20);
	struct block_server *server = start(block, false);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char answer[18];

	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(recv(fd, answer, 18, MSG_WAITALL), 18);
	ck_assert_int_eq(send(fd, "\0\0\0\3", 4, 0), 4);
	block_server_free(server);
	ck_assert_int_eq(recv(fd, answer, 1, 0), 0);
	close(fd);
	block_free(block);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("block server");
	TCase *tcase = tcase_create("server");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, what_is_written_is_read);
	tcase_add_test(tcase, a_read_only_one_is_not_written);
	tcase_add_test(tcase, a_write_that_fails_is_told);
	tcase_add_test(tcase, nonsense_is_refused);
	tcase_add_test(tcase, one_that_is_stopped_cuts_off);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
