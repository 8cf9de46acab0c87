/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/block.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/block_impl.h"

int block_check_range(const struct block *block, uint64_t len, uint64_t offset, struct error *err)
{
	uint64_t end;

	if (!__builtin_add_overflow(offset, len, &end) && end <= block->size)
		return 0;
	return error_set(err, ERROR_IMAGE,
			 "%llu bytes at %llu lie beyond the end of the device (%llu bytes)",
			 (unsigned long long)len, (unsigned long long)offset,
			 (unsigned long long)block->size);
}

uint64_t block_size(const struct block *block)
{
	return block->size;
}

int block_read(struct block *block, void *buf, size_t len, uint64_t offset, struct error *err)
{
	if (block_check_range(block, len, offset, err) < 0)
		return -1;
	return block->ops->read(block, buf, len, offset, err);
}

int block_write(struct block *block, const void *buf, size_t len, uint64_t offset,
		struct error *err)
{
	if (!block->ops->write)
		return error_set(err, ERROR_BUG, "write to a read-only device");
	if (block_check_range(block, len, offset, err) < 0)
		return -1;
	return block->ops->write(block, buf, len, offset, err);
}

int block_flush(struct block *block, struct error *err)
{
	return block->ops->flush ? block->ops->flush(block, err) : 0;
}

int block_extent(struct block *block, uint64_t offset, uint64_t len, struct block_extent *ret,
		 struct error *err)
{
	if (block_check_range(block, len, offset, err) < 0)
		return -1;
	if (block->ops->extent)
		return block->ops->extent(block, offset, len, ret, err);
	*ret = (struct block_extent){.len = len};
	return 0;
}

void block_free(struct block *block)
{
	if (block)
		block->ops->free(block);
}

/* A window. */

struct slice {
	struct block block;
	struct block *parent;
	uint64_t offset;
};

static struct slice *slice_of(struct block *block)
{
	return (struct slice *)block;
}

static int slice_read(struct block *block, void *buf, size_t len, uint64_t offset,
		      struct error *err)
{
	struct slice *slice = slice_of(block);

	return block_read(slice->parent, buf, len, slice->offset + offset, err);
}

static int slice_write(struct block *block, const void *buf, size_t len, uint64_t offset,
		       struct error *err)
{
	struct slice *slice = slice_of(block);

	return block_write(slice->parent, buf, len, slice->offset + offset, err);
}

static int slice_flush(struct block *block, struct error *err)
{
	return block_flush(slice_of(block)->parent, err);
}

static int slice_extent(struct block *block, uint64_t offset, uint64_t len,
			struct block_extent *ret, struct error *err)
{
	struct slice *slice = slice_of(block);

	return block_extent(slice->parent, slice->offset + offset, len, ret, err);
}

static void slice_free(struct block *block)
{
	free(block);
}

static const struct block_ops slice_ops = {.read = slice_read,
					   .write = slice_write,
					   .flush = slice_flush,
					   .extent = slice_extent,
					   .free = slice_free};

struct block *block_slice(struct block *parent, uint64_t offset, uint64_t size, struct error *err)
{
	struct slice *slice;

	if (block_check_range(parent, size, offset, err) < 0)
		return NULL;
	slice = xmalloc(sizeof *slice);
	*slice = (struct slice){
		.block = {.ops = &slice_ops, .size = size}, .parent = parent, .offset = offset};
	return &slice->block;
}

/* A plain file, read-only. */

struct file_block {
	struct block block;
	int fd;
};

static int file_block_read(struct block *block, void *buf, size_t len, uint64_t offset,
			   struct error *err)
{
	int fd = ((struct file_block *)block)->fd;
	char *to = buf;

	while (len) {
		ssize_t n = pread(fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_os(err, ERROR_IO, errno, "reading at %llu",
					(unsigned long long)offset);
		if (n == 0)
			return error_set(err, ERROR_IO,
					 "the file became shorter while it was read");
		to += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int file_block_extent(struct block *block, uint64_t offset, uint64_t len,
			     struct block_extent *ret, struct error *err)
{
	int fd = ((struct file_block *)block)->fd;
	off_t at = (off_t)offset, data = lseek(fd, at, SEEK_DATA), end;

	(void)err;
	if (data < 0) {
		*ret = (struct block_extent){.len = len, .zero = errno == ENXIO};
		return 0;
	}
	end = data > at ? data : lseek(fd, at, SEEK_HOLE);
	ret->zero = data > at;
	ret->len = end > at && (uint64_t)(end - at) < len ? (uint64_t)(end - at) : len;
	return 0;
}

static void file_block_free(struct block *block)
{
	close(((struct file_block *)block)->fd);
	free(block);
}

static const struct block_ops file_block_ops = {
	.read = file_block_read, .extent = file_block_extent, .free = file_block_free};

struct block *block_open_file(const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct file_block *file;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		error_os(err, errno == ENOENT ? ERROR_MISSING : ERROR_IO, errno, "%s", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		error_set(err, ERROR_IMAGE, "%s: not a regular file", path);
		return NULL;
	}
	file = xmalloc(sizeof *file);
	*file = (struct file_block){.block = {.ops = &file_block_ops, .size = (uint64_t)st.st_size},
				    .fd = steal_fd(&fd)};
	return &file->block;
}
