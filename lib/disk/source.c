/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/source.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"

enum { SECTOR = 512 };

/* Up to `limit` bytes at `offset`; less only at the end of the file. */
static int read_at(int fd, uint64_t offset, size_t limit, struct buffer *ret, struct error *err)
{
	CLEANUP_BUFFER struct buffer buf = {0};

	buffer_reserve(&buf, limit);
	while (buf.len < limit) {
		ssize_t n =
			pread(fd, buf.data + buf.len, limit - buf.len, (off_t)(offset + buf.len));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_os(err, ERROR_IO, errno, "reading");
		if (n == 0)
			break;
		buf.len += (size_t)n;
	}
	*ret = buf;
	buf = (struct buffer){0};
	return 0;
}

static const uint8_t *bytes(const struct buffer *buf)
{
	return (const uint8_t *)buf->data;
}

static int l2_tables_check(int fd, const struct qcow2_header *header, const struct buffer *l1,
			   uint64_t file_size, struct error *err)
{
	for (size_t i = 0; i < l1->len / 8; i++) {
		CLEANUP_BUFFER struct buffer l2 = {0};
		uint64_t offset = qcow2_l1_entry(bytes(l1), i);

		if (!offset)
			continue;
		if (read_at(fd, offset, (size_t)1 << header->cluster_bits, &l2, err) < 0 ||
		    qcow2_l2_check(header, bytes(&l2), l2.len, file_size, err) < 0)
			return -1;
	}
	return 0;
}

static int qcow2_tables_check(int fd, const struct qcow2_header *header, uint64_t file_size,
			      struct error *err)
{
	CLEANUP_BUFFER struct buffer l1 = {0};
	CLEANUP_BUFFER struct buffer snapshots = {0};

	if (read_at(fd, header->l1_offset, (size_t)header->l1_entries * 8, &l1, err) < 0 ||
	    qcow2_l1_check(header, bytes(&l1), l1.len, file_size, err) < 0 ||
	    l2_tables_check(fd, header, &l1, file_size, err) < 0)
		return -1;
	if (!header->n_snapshots)
		return 0;
	if (read_at(fd, header->snapshots_offset, QCOW2_MAX_SNAPSHOT_BYTES, &snapshots, err) < 0)
		return -1;
	return qcow2_snapshots_check(header, bytes(&snapshots), snapshots.len, err);
}

static int inspect_qcow2(struct source *source, const struct buffer *head, struct error *err)
{
	struct image_file *file = &source->file;
	struct qcow2_header header;

	if (qcow2_header_parse(bytes(head), head->len, file->file_size, &header, err) < 0 ||
	    qcow2_tables_check(file->fd, &header, file->file_size, err) < 0)
		return -1;
	file->format = IMAGE_FORMAT_QCOW2;
	file->virtual_size = header.virtual_size;
	if (!header.backing_name[0])
		return 0;
	file->backing_name = xstrdup(header.backing_name);
	if (header.backing_format[0])
		source->backing_format = xstrdup(header.backing_format);
	return 0;
}

static int refuse_foreign(const struct image_file *file, const struct buffer *head,
			  struct error *err)
{
	CLEANUP_BUFFER struct buffer tail = {0};
	const char *name;

	if (read_at(file->fd, file->file_size > SECTOR ? file->file_size - SECTOR : 0, SECTOR,
		    &tail, err) < 0)
		return -1;
	name = foreign_format_name(bytes(head), head->len, bytes(&tail), tail.len);
	if (name)
		return error_set(err, ERROR_IMAGE, "is %s; only qcow2 and raw are supported", name);
	if (!raw_looks_like_disk(bytes(head), head->len))
		return error_set(
			err, ERROR_IMAGE,
			"not an image: neither qcow2 nor a raw disk with a partition table "
			"or a known file system");
	return 0;
}

static int inspect(struct source *source, enum source_format format, struct error *err)
{
	struct image_file *file = &source->file;
	CLEANUP_BUFFER struct buffer head = {0};

	if (lock_check(file->fd, err) < 0 ||
	    read_at(file->fd, 0, QCOW2_MAX_CLUSTER_SIZE, &head, err) < 0)
		return -1;
	if (format == SOURCE_FORMAT_QCOW2 ||
	    (format == SOURCE_FORMAT_DETECT && qcow2_has_magic(bytes(&head), head.len)))
		return inspect_qcow2(source, &head, err);
	if (format == SOURCE_FORMAT_DETECT && refuse_foreign(file, &head, err) < 0)
		return -1;
	file->format = IMAGE_FORMAT_RAW;
	file->virtual_size = (file->file_size + SECTOR - 1) / SECTOR * SECTOR;
	return 0;
}

int source_open(const char *path, enum source_format format, struct source *ret, struct error *err)
{
	CLEANUP_SOURCE struct source source = {.file.fd = -1};
	struct stat st;

	source.file.fd = file_open(path, "an image file", ERROR_IMAGE, err);
	if (source.file.fd < 0)
		return -1;
	source.file.path = realpath(path, NULL);
	if (!source.file.path || fstat(source.file.fd, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	source.file.file_size = (uint64_t)st.st_size;
	if (inspect(&source, format, err) < 0)
		return error_prefix(err, "%s", path);
	*ret = source;
	source = (struct source){.file.fd = -1};
	return 0;
}

void source_free(struct source *source)
{
	close_p(&source->file.fd);
	free(source->file.path);
	free(source->file.backing_name);
	free(source->file.directory);
	free(source->backing_format);
}
