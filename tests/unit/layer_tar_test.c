/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/process.h"
#include "layer/tar.h"
#include "suite.h"

static int sink_write(void *opaque, const void *data, size_t len, struct error *err)
{
	(void)err;
	buffer_append(opaque, data, len);
	return 0;
}

struct input {
	const char *data;
	size_t len, at;
};

static int source_read(void *opaque, void *data, size_t len, struct error *err)
{
	struct input *input = opaque;

	if (input->len - input->at < len)
		return error_set(err, ERROR_TRUST, "short");
	memcpy(data, input->data + input->at, len);
	input->at += len;
	return 0;
}

struct seen {
	struct layer_entry entries[16];
	size_t n_entries;
	struct buffer content; /* "OFFSET:BYTES;" of every piece */
};

static int see_entry(void *opaque, const struct layer_entry *entry, struct error *err)
{
	struct seen *seen = opaque;

	(void)err;
	ck_assert_uint_lt(seen->n_entries, 16);
	layer_entry_copy(&seen->entries[seen->n_entries++], entry);
	return 0;
}

static int see_content(void *opaque, const void *data, size_t len, uint64_t offset,
		       struct error *err)
{
	struct seen *seen = opaque;

	(void)err;
	buffer_printf(&seen->content, "%llu:", (unsigned long long)offset);
	buffer_append(&seen->content, data, len);
	buffer_putc(&seen->content, ';');
	return 0;
}

static void seen_clear(struct seen *seen)
{
	for (size_t i = 0; i < seen->n_entries; i++)
		layer_entry_clear(&seen->entries[i]);
	buffer_free(&seen->content);
}

static int read_back(const char *data, size_t len, struct seen *seen, struct error *err)
{
	struct input input = {data, len, 0};
	struct tar_source source = {source_read, &input};
	struct layer_visitor visitor = {see_entry, see_content, seen};

	return tar_read(&source, &visitor, err);
}

static void put(struct buffer *tar, const struct layer_entry *entry)
{
	struct tar_sink sink = {sink_write, tar};
	struct error err = {0};

	ck_assert_msg(tar_write_entry(&sink, entry, NULL, NULL, &err) == 0, "%s", err.msg);
}

static void put_end(struct buffer *tar)
{
	struct tar_sink sink = {sink_write, tar};
	struct error err = {0};

	ck_assert_int_eq(tar_write_end(&sink, &err), 0);
}

/* A file whose content is `text` at `offset` of `size` bytes. */
static void put_file(struct buffer *tar, struct layer_entry *entry, const char *text,
		     uint64_t offset, uint64_t size)
{
	struct tar_sink sink = {sink_write, tar};
	FILE *spool = tmpfile();
	struct capture_extent extent = {offset, strlen(text), 0};
	struct content content = {.size = size, .spool = fileno(spool), .extents = &extent};
	struct segments segments = {0};
	struct error err = {0};

	content.n_extents = strlen(text) > 0;
	fputs(text, spool);
	fflush(spool);
	entry->stat.size = size;
	ck_assert_int_eq(content_segments(&content, &segments, &err), 0);
	ck_assert_int_eq(content_digest(&content, &segments, &entry->content, &err), 0);
	ck_assert_msg(tar_write_entry(&sink, entry, &content, &segments, &err) == 0, "%s", err.msg);
	segments_free(&segments);
	fclose(spool);
}

START_TEST(every_kind_comes_back)
{
	struct fs_xattr xattrs[] = {{(char *)"security.capability", (void *)"\0\1\2", 3},
				    {(char *)"user.a=b%", (void *)"v", 1}};
	struct layer_entry root = {
		.action = LAYER_METADATA, .path = (char *)"/", .stat = {.mode = S_IFDIR | 0755}};
	struct layer_entry opaque = {.action = LAYER_REPLACE, .path = (char *)"/a", .opaque = true};
	struct layer_entry file = {.action = LAYER_REPLACE, .path = (char *)"/a/caf\xe9\n"};
	struct layer_entry hole = {.action = LAYER_REPLACE, .path = (char *)"/a/hole"};
	struct layer_entry gone = {.action = LAYER_REMOVE, .path = (char *)"/b"};
	struct layer_entry device = {.action = LAYER_REPLACE, .path = (char *)"/c"};
	struct layer_entry link = {
		.action = LAYER_LINK, .path = (char *)"/d", .target = (char *)"/a/caf\xe9\n"};
	struct layer_entry symlink = {
		.action = LAYER_REPLACE, .path = (char *)"/e", .target = (char *)"../x"};
	struct layer_entry sock = {.action = LAYER_REPLACE, .path = (char *)"/f"};
	CLEANUP_BUFFER struct buffer tar = {0};
	struct seen seen = {0};
	struct error err = {0};

	opaque.stat = (struct fs_stat){.mode = S_IFDIR | 01777, .mtime = {-2, 500000000}};
	file.stat = (struct fs_stat){.mode = S_IFREG | 04755, .uid = 4000000000, .gid = 60000};
	file.stat.flags = 0x10;
	file.stat.mtime = (struct fs_time){1700000000, 123456789};
	file.xattrs = (struct fs_xattrs){xattrs, 2};
	hole.stat.mode = S_IFREG | 0644;
	device.stat = (struct fs_stat){.mode = S_IFBLK | 0660};
	device.stat.rdev_major = 4095;
	device.stat.rdev_minor = 1048575;
	symlink.stat.mode = S_IFLNK | 0777;
	sock.stat.mode = S_IFSOCK | 0666;
	put(&tar, &root);
	put(&tar, &opaque);
	put_file(&tar, &file, "hello", 0, 5);
	put_file(&tar, &hole, "data", 4096, 200000000ULL);
	put(&tar, &gone);
	put(&tar, &device);
	put(&tar, &link);
	put(&tar, &symlink);
	put(&tar, &sock);
	put_end(&tar);
	ck_assert_msg(read_back(tar.data, tar.len, &seen, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(seen.n_entries, 9);
	ck_assert_str_eq(seen.content.data, "0:hello;4096:data;");
	ck_assert_int_eq(seen.entries[0].action, LAYER_METADATA);
	ck_assert_str_eq(seen.entries[0].path, "/");
	ck_assert(seen.entries[1].opaque);
	ck_assert_int_eq(seen.entries[1].stat.mtime.sec, -2);
	ck_assert_uint_eq(seen.entries[1].stat.mtime.nsec, 500000000);
	ck_assert_str_eq(seen.entries[2].path, "/a/caf\xe9\n");
	ck_assert_uint_eq(seen.entries[2].stat.uid, 4000000000);
	ck_assert_uint_eq(seen.entries[2].stat.mode, S_IFREG | 04755);
	ck_assert_uint_eq(seen.entries[2].stat.flags, 0x10);
	ck_assert_uint_eq(seen.entries[2].stat.mtime.nsec, 123456789);
	ck_assert(fs_xattrs_equal(&seen.entries[2].xattrs, &file.xattrs));
	ck_assert(digest_equal(&seen.entries[2].content, &file.content));
	ck_assert_uint_eq(seen.entries[3].stat.size, 200000000ULL);
	ck_assert_int_eq(seen.entries[4].action, LAYER_REMOVE);
	ck_assert_str_eq(seen.entries[4].path, "/b");
	ck_assert_uint_eq(seen.entries[5].stat.rdev_minor, 1048575);
	ck_assert_int_eq(seen.entries[6].action, LAYER_LINK);
	ck_assert_str_eq(seen.entries[6].target, "/a/caf\xe9\n");
	ck_assert_str_eq(seen.entries[7].target, "../x");
	ck_assert_uint_eq(seen.entries[8].stat.mode, S_IFSOCK | 0666);
	seen_clear(&seen);
}
END_TEST

/* A tar of one file member; the bytes from `find` on are overwritten by `with`. */
static void one_member(struct buffer *tar, const char *path)
{
	struct layer_entry file = {.action = LAYER_REPLACE, .stat = {.mode = S_IFREG | 0644}};

	file.path = xstrdup(path);
	put_file(tar, &file, "x", 0, 1);
	put_end(tar);
	free(file.path);
}

static void mend_checksums(struct buffer *tar)
{
	for (size_t at = 0; at + TAR_BLOCK <= tar->len; at += TAR_BLOCK) {
		struct tar_header *header = (void *)(tar->data + at);
		char sum[8];

		if (memcmp(header->magic, "ustar", 5) != 0)
			continue;
		snprintf(sum, sizeof sum, "%06o", tar_checksum(header));
		memcpy(header->checksum, sum, 7);
	}
}

static void refused(struct buffer *tar, const char *why)
{
	struct seen seen = {0};
	struct error err = {0};

	mend_checksums(tar);
	ck_assert_int_eq(read_back(tar->data, tar->len, &seen, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, why) != NULL, "%s, not %s", err.msg, why);
	seen_clear(&seen);
}

static void replace(struct buffer *tar, const char *find, const char *with)
{
	char *at = memmem(tar->data, tar->len, find, strlen(find));

	ck_assert_ptr_nonnull(at);
	memcpy(at, with, strlen(with));
}

static const struct hostile {
	const char *path, *find, *with, *why;
} hostiles[] = {
	{"/ab/cd", "ab/cd", "../cd", "leaves the guest"},
	{"/ab/cd", "ab/cd", "/b/cd", "leaves the guest"},
	{"/ab/cd", "ab/cd", "ab//d", "leaves the guest"},
	{"/ab/cd", "ab/cd", "a/./d", "leaves the guest"},
	{"/ab/.wx.cd", "ab/.wx.cd", "ab/.wh.cd", "where none can be"},
	{"/ab/cd", "COLDPATCH.sha256", "COLDPATCH.sha512", "an unknown record"},
	{"/ab/cd", "COLDPATCH.sha256=", "COLDPATCH.sha256=X", "without a good digest"},
	{"/ab/cd", "85 COLD", "99 COLD", "a damaged record"},
	{"/ab/cd", "0000644", "0010644", "a bad mode"},
	{"/ab/cd", "00000000001", "0000000000x", "a bad number"},
	{"/ab/cd", "00000000001", "00000000000", "a damaged header"},
};

START_TEST(hostile_members_are_refused)
{
	const struct hostile *hostile = &hostiles[_i];
	CLEANUP_BUFFER struct buffer tar = {0};
	char *member;

	one_member(&tar, hostile->path);
	member = tar.data;
	/* The pax header holds the same name and mode: change the member's own. */
	if (strncmp(hostile->find, "85", 2) != 0 && strncmp(hostile->find, "COLD", 4) != 0) {
		struct buffer rest = {tar.data + 2 * TAR_BLOCK, tar.len - 2 * TAR_BLOCK, 0};

		replace(&rest, hostile->find, hostile->with);
	} else {
		replace(&tar, hostile->find, hostile->with);
	}
	ck_assert_ptr_eq(member, tar.data);
	refused(&tar, hostile->why);
}
END_TEST

START_TEST(order_is_part_of_the_form)
{
	struct layer_entry a = {.action = LAYER_REMOVE, .path = (char *)"/a"},
			   b = {.action = LAYER_REMOVE, .path = (char *)"/b"};
	struct layer_entry link = {
		.action = LAYER_LINK, .path = (char *)"/c", .target = (char *)"/d"};
	struct layer_entry opaque = {.action = LAYER_REPLACE, .path = (char *)"/e", .opaque = true};
	CLEANUP_BUFFER struct buffer unsorted = {0}, forward = {0}, unmarked = {0};

	put(&unsorted, &b);
	put(&unsorted, &a);
	put_end(&unsorted);
	refused(&unsorted, "paths out of order");
	put(&forward, &link);
	put_end(&forward);
	refused(&forward, "a link to what is not before it");
	opaque.stat.mode = S_IFDIR | 0755;
	put(&unmarked, &opaque);
	unmarked.len -= TAR_BLOCK;
	put_end(&unmarked);
	refused(&unmarked, "an opaque directory without marker");
}
END_TEST

START_TEST(every_cut_is_refused)
{
	CLEANUP_BUFFER struct buffer tar = {0};

	one_member(&tar, "/ab/cd");
	for (size_t len = 0; len < tar.len; len++) {
		struct seen seen = {0};
		struct error err = {0};

		ck_assert_int_eq(read_back(tar.data, len, &seen, &err), -1);
		ck_assert_int_eq(err.kind, ERROR_TRUST);
		seen_clear(&seen);
	}
}
END_TEST

/* GNU tar lists the names and unpacks the holes. */
START_TEST(gnu_tar_reads_it)
{
	const char *const argv[] = {"tar", "-tf", "-", NULL};
	struct layer_entry directory = {.action = LAYER_REPLACE, .path = (char *)"/d"};
	struct layer_entry hole = {.action = LAYER_REPLACE, .path = (char *)"/d/hole"};
	struct layer_entry gone = {.action = LAYER_REMOVE, .path = (char *)"/d/old"};
	CLEANUP_BUFFER struct buffer tar = {0};
	struct process_spec spec = {.argv = argv, .output_limit = 4096};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	directory.stat.mode = S_IFDIR | 0755;
	hole.stat.mode = S_IFREG | 0644;
	put(&tar, &directory);
	put_file(&tar, &hole, "data", 8192, 1 << 20);
	put(&tar, &gone);
	put_end(&tar);
	spec.input = tar.data;
	spec.input_len = tar.len;
	ck_assert_msg(process_run_ok(&spec, ERROR_IO, &result, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(result.out.data, "d/\nd/hole\nd/.wh.old\n");
}
END_TEST

START_TEST(contents_compare_by_what_they_read)
{
	static const char bytes[] = "\0\0\0\0abc";
	FILE *spool = tmpfile();
	struct capture_extent whole = {0, 7, 0}, end = {4, 3, 4};
	struct content a = {.size = 7, .spool = fileno(spool), .extents = &whole, .n_extents = 1};
	struct content b = {.size = 7, .spool = fileno(spool), .extents = &end, .n_extents = 1};
	struct content none = {.size = 7, .spool = fileno(spool)};
	struct segments segments = {0};
	struct digest digest, plain;
	struct error err = {0};

	fwrite(bytes, 1, 7, spool);
	fflush(spool);
	ck_assert_int_eq(content_equal(&a, &b, &err), 1);
	ck_assert_int_eq(content_equal(&a, &none, &err), 0);
	ck_assert_int_eq(content_segments(&b, &segments, &err), 0);
	ck_assert_int_eq(content_digest(&b, &segments, &digest, &err), 0);
	digest_of(bytes, 7, &plain);
	ck_assert(digest_equal(&digest, &plain));
	segments_free(&segments);
	end.offset = 5;
	ck_assert_int_eq(content_segments(&b, &segments, &err), -1);
	ck_assert_str_eq(err.msg, "the capture's extents are out of order");
	fclose(spool);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("layer tar");
	TCase *tests = tcase_create("form");

	tcase_add_test(tests, every_kind_comes_back);
	tcase_add_loop_test(tests, hostile_members_are_refused, 0,
			    sizeof hostiles / sizeof *hostiles);
	tcase_add_test(tests, order_is_part_of_the_form);
	tcase_add_test(tests, every_cut_is_refused);
	tcase_add_test(tests, gnu_tar_reads_it);
	tcase_add_test(tests, contents_compare_by_what_they_read);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
