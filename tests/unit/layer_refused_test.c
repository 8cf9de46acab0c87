/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tars as somebody else could write them: each is refused, and the message says for what. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "layer/tar.h"
#include "suite.h"

struct input {
	const struct buffer *tar;
	size_t at;
};

static int source_read(void *opaque, void *data, size_t len, struct error *err)
{
	struct input *input = opaque;

	if (input->tar->len - input->at < len)
		return error_set(err, ERROR_TRUST, "short");
	memcpy(data, input->tar->data + input->at, len);
	input->at += len;
	return 0;
}

static void refused(const struct buffer *tar, const char *why)
{
	CLEANUP_FREE char *message = xasprintf("not a layer: %s", why);
	struct input input = {tar, 0};
	struct tar_source source = {source_read, &input};
	struct layer_visitor visitor = {0};
	struct error err = {0};

	ck_assert_int_eq(tar_read(&source, &visitor, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_str_eq(err.msg, message);
}

static void put_block(struct buffer *tar, char type, const char *name, size_t size)
{
	struct tar_header header = {.type = type, .magic = "ustar", .version = {'0', '0'}};

	ck_assert_uint_le(strlen(name), sizeof header.name);
	memcpy(header.name, name, strlen(name));
	strcpy(header.mode, "0000644");
	strcpy(header.uid, "0000000");
	strcpy(header.gid, "0000000");
	strcpy(header.device_major, "0000000");
	strcpy(header.device_minor, "0000000");
	strcpy(header.mtime, "00000000000");
	snprintf(header.size, sizeof header.size, "%011zo", size);
	snprintf(header.checksum, sizeof header.checksum, "%06o", tar_checksum(&header));
	buffer_append(tar, &header, sizeof header);
}

static void put_padded(struct buffer *tar, const char *data, size_t len, char padding)
{
	buffer_append(tar, data, len);
	while (tar->len % TAR_BLOCK)
		buffer_putc(tar, padding);
}

/* "LEN KEY=VALUE\n", where LEN counts itself. */
static void put_record(struct buffer *records, const char *text, size_t len)
{
	size_t total = len + 3;

	while (total != len + 2 + (size_t)snprintf(NULL, 0, "%zu", total))
		total++;
	buffer_printf(records, "%zu ", total);
	buffer_append(records, text, len);
	buffer_putc(records, '\n');
}

static void put_extended(struct buffer *tar, const struct buffer *records)
{
	put_block(tar, 'x', "PaxHeaders/x", records->len);
	put_padded(tar, records->data, records->len, 0);
}

static void put_zeros(struct buffer *tar)
{
	static const char zeros[TAR_BLOCK];

	buffer_append(tar, zeros, sizeof zeros);
}

#define SHA    "COLDPATCH.sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SPARSE "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=f", SHA

static const struct hostile {
	char type;
	const char *name;
	const char *records[8];
	const char *body;
	const char *why;
} hostiles[] = {
	{'0', "f", {SHA, "SCHILY.xattr.=v"}, "", "an attribute without a name"},
	{'0', "f", {SHA, "SCHILY.xattr.b=v", "SCHILY.xattr.a=v"}, "", "attributes out of order"},
	{'0', "f", {SHA, "SCHILY.xattr.a=v", "SCHILY.xattr.a=w"}, "", "attributes out of order"},
	{'0', "f", {SHA, SHA}, "", "a record twice"},
	{'0', "f", {SHA, "uid"}, "", "a record without a value"},
	{'0', "f", {SHA, "mtime=1"}, "", "a bad time"},
	{'0', "f", {SHA, "mtime=1.5"}, "", "a bad time"},
	{'0', "f", {SHA, "uid=4294967296"}, "", "a bad number"},
	{'7', "f", {SHA}, "", "an unknown member type"},
	{'g', "f", {SHA}, "", "an unknown member type"},
	{'2', "f", {"linkpath=t", "COLDPATCH.socket=1"}, "", "marks that do not fit"},
	{'0', "f", {SHA, "COLDPATCH.opaque=1"}, "", "marks that do not fit"},
	{'5', "d/", {"COLDPATCH.opaque=1", "COLDPATCH.metadata=1"}, "", "marks that do not fit"},
	{'2', "f", {0}, "", "an empty link"},
	{'2', "f", {"linkpath=t"}, "abc", "content where none can be"},
	{'0', "f", {SHA, "COLDPATCH.metadata=1"}, "", "a file without a good digest"},
	{'2', "f", {"linkpath=t", SHA}, "", "a file without a good digest"},
	{'0', "f", {SHA, "GNU.sparse.major=1"}, "", "a bad sparse file"},
	{'0', "f", {SPARSE}, "", "a bad sparse file"},
	{'0',
	 "f",
	 {SPARSE, "GNU.sparse.realsize=9"},
	 "12345678901234567890123456789",
	 "a bad sparse map"},
	{'0',
	 "f",
	 {SPARSE, "GNU.sparse.realsize=9"},
	 "2\n5\n1\n3\n1\n",
	 "a sparse map out of order"},
	{'0', "f", {SPARSE, "GNU.sparse.realsize=9"}, "1\n5\n6\n", "a bad number"},
	{'0',
	 "f",
	 {SPARSE, "GNU.sparse.realsize=9"},
	 "1\n5\n1\n",
	 "a sparse file of another size than its map"},
	{'5', ".wh.a/", {0}, "", "a whiteout of a kind of its own"},
	{'0', "a/.wh.", {0}, "", "an empty whiteout"},
	{'0', "a/.wh.b", {0}, "abc", "content where none can be"},
	{'0', "a/.wh..wh.b", {0}, "", "a whiteout of a whiteout"},
	{'0', "a/.wh.b/c", {SHA}, "", "a path below a whiteout"},
	{'0', "../f", {SHA}, "", "a path that leaves the guest"},
};

/* That of a map, which ends in newlines, is whole blocks. */
static size_t body_size(const char *body)
{
	return strchr(body, '\n') ? TAR_BLOCK : strlen(body);
}

static void put_member(struct buffer *tar, const struct hostile *hostile)
{
	CLEANUP_BUFFER struct buffer records = {0};

	for (const char *const *record = hostile->records; *record; record++)
		put_record(&records, *record, strlen(*record));
	if (records.len)
		put_extended(tar, &records);
	put_block(tar, hostile->type, hostile->name, body_size(hostile->body));
	put_padded(tar, hostile->body, strlen(hostile->body), 0);
}

START_TEST(a_member_is_refused)
{
	CLEANUP_BUFFER struct buffer tar = {0};

	put_member(&tar, &hostiles[_i]);
	put_zeros(&tar);
	put_zeros(&tar);
	refused(&tar, hostiles[_i].why);
}
END_TEST

START_TEST(a_record_is_a_string)
{
	static const char text[] = "linkpath=a\0b";
	CLEANUP_BUFFER struct buffer tar = {0}, records = {0};

	put_record(&records, text, sizeof text - 1);
	put_extended(&tar, &records);
	refused(&tar, "a NUL in a record");
}
END_TEST

START_TEST(records_and_paths_are_bounded)
{
	CLEANUP_BUFFER struct buffer tar = {0}, records = {0}, path = {0};

	put_block(&tar, 'x', "PaxHeaders/x", TAR_PAX_MAX + 1);
	refused(&tar, "too many records");
	buffer_puts(&path, "path=");
	for (int i = 0; i < LAYER_PATH_MAX + 1; i++)
		buffer_putc(&path, i % 2 ? '/' : 'a');
	put_record(&records, path.data, path.len);
	tar.len = 0;
	put_extended(&tar, &records);
	put_block(&tar, '0', "a", 0);
	refused(&tar, "a path that is too long");
}
END_TEST

START_TEST(records_belong_to_a_member)
{
	CLEANUP_BUFFER struct buffer tar = {0}, records = {0};

	put_record(&records, SHA, strlen(SHA));
	put_extended(&tar, &records);
	put_extended(&tar, &records);
	refused(&tar, "records without a member");
	tar.len = 2 * TAR_BLOCK;
	put_zeros(&tar);
	refused(&tar, "records without a member");
}
END_TEST

START_TEST(what_nobody_reads_is_zero)
{
	CLEANUP_BUFFER struct buffer tar = {0}, records = {0};

	put_record(&records, SHA, strlen(SHA));
	put_extended(&tar, &records);
	put_block(&tar, '0', "f", 3);
	put_padded(&tar, "abc", 3, 'x');
	refused(&tar, "padding that is not zero");
	tar.len = 0;
	put_zeros(&tar);
	put_block(&tar, '0', "f", 3);
	refused(&tar, "a damaged end");
}
END_TEST

static int sink_nothing(void *opaque, const void *data, size_t len, struct error *err)
{
	(void)opaque;
	(void)data;
	(void)len;
	(void)err;
	return 0;
}

/* What the reader would not take is not written. */
START_TEST(what_is_too_large_is_not_written)
{
	struct tar_sink sink = {sink_nothing, NULL};
	struct content content = {.size = 1, .spool = -1};
	struct segments many = {.n_items = TAR_SEGMENTS_MAX}, none = {0};
	struct layer_entry file = {.action = LAYER_REPLACE, .path = xstrdup("/dir/f")};
	CLEANUP_FREE char *value = xcalloc(1, TAR_PAX_MAX);
	struct error err = {0};

	file.stat.mode = S_IFREG | 0644;
	ck_assert_int_eq(tar_write_entry(&sink, &file, &content, &many, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "/dir/f: too many holes");
	layer_xattrs_add(&file.xattrs, "user.large", value, TAR_PAX_MAX);
	ck_assert_int_eq(tar_write_entry(&sink, &file, NULL, &none, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "/dir/f: too much metadata");
	layer_entry_clear(&file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("layer refused");
	TCase *tests = tcase_create("tars");

	tcase_add_loop_test(tests, a_member_is_refused, 0, sizeof hostiles / sizeof *hostiles);
	tcase_add_test(tests, a_record_is_a_string);
	tcase_add_test(tests, records_and_paths_are_bounded);
	tcase_add_test(tests, records_belong_to_a_member);
	tcase_add_test(tests, what_nobody_reads_is_zero);
	tcase_add_test(tests, what_is_too_large_is_not_written);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
