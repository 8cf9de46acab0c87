/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The capture stream as a hostile runner could write it. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "run/capture_format.h"
#include "run/capture_read.h"
#include "suite.h"

struct stream {
	struct buffer bytes;
};

static void number(struct stream *s, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		buffer_putc(&s->bytes, (char)(value >> (8 * i)));
}

static void text(struct stream *s, const char *value)
{
	number(s, strlen(value), 4);
	buffer_puts(&s->bytes, value);
}

static void begin(struct stream *s)
{
	*s = (struct stream){0};
	buffer_append(&s->bytes, CAPTURE_MAGIC, CAPTURE_MAGIC_SIZE);
}

static void untouched(struct stream *s, const char *path, uint64_t ino)
{
	buffer_putc(&s->bytes, CAPTURE_UNTOUCHED);
	text(s, path);
	number(s, ino, 8);
}

static uint32_t flags_of_touched;

static void touched(struct stream *s, const char *path, uint64_t ino, uint32_t mode, uint64_t size)
{
	buffer_putc(&s->bytes, CAPTURE_TOUCHED);
	text(s, path);
	number(s, ino, 8);
	text(s, "");
	number(s, mode, 4);
	number(s, flags_of_touched, 4);
	number(s, 2, 4);
	number(s, 0, 4);
	number(s, 0, 4);
	number(s, size, 8);
	number(s, 8, 8);
	number(s, 0, 8);
	for (int i = 0; i < 3; i++)
		number(s, 1000 + (uint64_t)i, 8), number(s, 7, 4);
	number(s, 0, 4);
}

static void touched_with_flags(struct stream *s, const char *path, uint32_t flags)
{
	flags_of_touched = flags;
	touched(s, path, 2, S_IFDIR | 0755, 0);
	flags_of_touched = 0;
}

static void extent(struct stream *s, uint64_t offset, const char *data)
{
	number(s, offset, 8);
	number(s, strlen(data), 8);
	buffer_puts(&s->bytes, data);
}

static void no_more(struct stream *s)
{
	number(s, 0, 8);
	number(s, 0, 8);
}

static void end(struct stream *s, uint64_t count)
{
	buffer_putc(&s->bytes, CAPTURE_END);
	number(s, count, 8);
}

static struct capture *parse(struct stream *s, uint64_t limit, struct error *err)
{
	int fd = memfd_create("stream", 0);
	struct capture *capture;

	ck_assert_int_eq(write(fd, s->bytes.data, s->bytes.len), (ssize_t)s->bytes.len);
	lseek(fd, 0, SEEK_SET);
	capture = capture_read(fd, "/tmp", limit, NULL, err);
	close(fd);
	buffer_free(&s->bytes);
	return capture;
}

static void refused(struct stream *s, const char *why)
{
	struct error err = {0};
	CLEANUP_FREE char *message = xasprintf("the runner's capture is malformed: %s", why);

	ck_assert_ptr_null(parse(s, 1000, &err));
	ck_assert_int_eq(err.kind, ERROR_GUEST);
	ck_assert_str_eq(err.msg, message);
}

START_TEST(content_goes_to_the_first_name)
{
	struct stream s;
	struct error err = {0};
	char data[3];
	CLEANUP(capture_free)
	struct capture *capture = NULL;

	begin(&s);
	untouched(&s, "/", 2);
	touched(&s, "/b", 11, S_IFREG | 0644, 100);
	extent(&s, 50, "xyz");
	no_more(&s);
	touched(&s, "/a", 11, S_IFREG | 0644, 100);
	no_more(&s);
	end(&s, 3);
	capture = parse(&s, 1000, &err);
	ck_assert_msg(capture != NULL, "%s", err.msg);
	ck_assert_uint_eq(capture->n_entries, 3);
	ck_assert_str_eq(capture->entries[0].path, "/");
	ck_assert(!capture->entries[0].touched);
	ck_assert_str_eq(capture->entries[1].path, "/a");
	ck_assert_uint_eq(capture->entries[1].n_extents, 1);
	ck_assert_uint_eq(capture->entries[2].n_extents, 0);
	ck_assert_uint_eq(capture->entries[1].extents[0].offset, 50);
	ck_assert_int_eq(pread(capture->spool, data, 3, 0), 3);
	ck_assert_int_eq(memcmp(data, "xyz", 3), 0);
}
END_TEST

START_TEST(paths_must_be_paths)
{
	static const char *const bad[] = {"", "a", "//a", "/a/", "/a//b", "/./a", "/../a", "/a/.."};
	struct stream s;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		begin(&s);
		untouched(&s, bad[i], 2);
		end(&s, 1);
		refused(&s, "not a path");
	}
}
END_TEST

START_TEST(it_must_be_a_tree)
{
	struct stream s;

	begin(&s);
	untouched(&s, "/", 2);
	untouched(&s, "/a/b", 3);
	end(&s, 2);
	refused(&s, "a path without its directory");
	begin(&s);
	untouched(&s, "/", 2);
	touched(&s, "/a", 3, S_IFREG | 0644, 0);
	no_more(&s);
	untouched(&s, "/a/b", 4);
	end(&s, 3);
	refused(&s, "a path without its directory");
	begin(&s);
	untouched(&s, "/", 2);
	untouched(&s, "/a", 3);
	untouched(&s, "/a", 4);
	end(&s, 3);
	refused(&s, "a path twice");
	begin(&s);
	end(&s, 0);
	refused(&s, "it has no root");
}
END_TEST

START_TEST(numbers_are_bounded)
{
	struct stream s;

	begin(&s);
	buffer_putc(&s.bytes, CAPTURE_UNTOUCHED);
	number(&s, 0xffffffff, 4);
	refused(&s, "a string is too long");
	begin(&s);
	touched(&s, "/", 2, S_IFREG | 0644, 10);
	extent(&s, 8, "xyz");
	refused(&s, "an extent outside its file");
	begin(&s);
	touched(&s, "/", 2, S_IFREG | 0644, 10);
	extent(&s, UINT64_MAX, "xyz");
	refused(&s, "an extent outside its file");
	begin(&s);
	touched(&s, "/", 2, S_IFREG | 0644, 10);
	extent(&s, 4, "xyz");
	extent(&s, 2, "xyz");
	refused(&s, "an extent outside its file");
	begin(&s);
	touched(&s, "/", 2, 0, 0);
	refused(&s, "impossible metadata");
	begin(&s);
	touched_with_flags(&s, "/", 0x00080000); /* extents: not the run's to choose */
	refused(&s, "impossible metadata");
}
END_TEST

START_TEST(strings_are_strings)
{
	struct stream s;

	begin(&s);
	buffer_putc(&s.bytes, CAPTURE_UNTOUCHED);
	number(&s, 4, 4);
	buffer_append(&s.bytes, "/a\0b", 4);
	refused(&s, "a NUL in a string");
	begin(&s);
	touched(&s, "/", 2, S_IFDIR | 0755, 0);
	s.bytes.len -= 4; /* its number of attributes */
	number(&s, CAPTURE_XATTR_LIMIT + 1, 4);
	refused(&s, "too many extended attributes");
}
END_TEST

START_TEST(an_end_too_early_is_seen)
{
	struct stream s;

	begin(&s);
	refused(&s, "it ends too early");
	begin(&s);
	untouched(&s, "/", 2);
	end(&s, 2);
	refused(&s, "entries are missing");
	s = (struct stream){0};
	buffer_puts(&s.bytes, "GIF89a..");
	refused(&s, "not a capture");
	begin(&s);
	buffer_putc(&s.bytes, 'X');
	refused(&s, "an unknown entry");
}
END_TEST

START_TEST(names_of_one_inode_agree)
{
	struct stream s;

	begin(&s);
	untouched(&s, "/", 2);
	touched(&s, "/a", 3, S_IFREG | 0644, 0);
	no_more(&s);
	touched(&s, "/b", 3, S_IFREG | 0600, 0);
	no_more(&s);
	end(&s, 3);
	refused(&s, "names of one inode differ");
	begin(&s);
	untouched(&s, "/", 2);
	touched(&s, "/a", 3, S_IFREG | 0644, 3);
	extent(&s, 0, "abc");
	no_more(&s);
	touched(&s, "/b", 3, S_IFREG | 0644, 3);
	extent(&s, 0, "abc");
	no_more(&s);
	end(&s, 3);
	refused(&s, "content twice");
}
END_TEST

START_TEST(what_cannot_be_read_or_kept)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error err = {0};

	ck_assert_ptr_null(capture_read(fd, "/tmp", 1, NULL, &err));
	ck_assert_int_eq(err.kind, ERROR_IO);
	ck_assert_str_eq(err.msg, "read the capture: Is a directory");
	ck_assert_ptr_null(capture_read(fd, "/proc/self/none", 1, NULL, &err));
	ck_assert_int_eq(err.kind, ERROR_IO);
	ck_assert_str_eq(err.msg,
			 "make a spool file in /proc/self/none: No such file or directory");
	close(fd);
}
END_TEST

START_TEST(content_has_a_limit)
{
	struct stream s;
	struct error err = {0};

	begin(&s);
	touched(&s, "/", 2, S_IFREG | 0644, 100);
	extent(&s, 0, "0123456789");
	no_more(&s);
	end(&s, 1);
	ck_assert_ptr_null(parse(&s, 9, &err));
	ck_assert_int_eq(err.kind, ERROR_SPACE);
	ck_assert_str_eq(err.msg, "the run changed more than 9 bytes of files");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("capture");
	TCase *cases = tcase_create("all");

	tcase_add_test(cases, content_goes_to_the_first_name);
	tcase_add_test(cases, paths_must_be_paths);
	tcase_add_test(cases, it_must_be_a_tree);
	tcase_add_test(cases, numbers_are_bounded);
	tcase_add_test(cases, strings_are_strings);
	tcase_add_test(cases, an_end_too_early_is_seen);
	tcase_add_test(cases, names_of_one_inode_agree);
	tcase_add_test(cases, what_cannot_be_read_or_kept);
	tcase_add_test(cases, content_has_a_limit);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
