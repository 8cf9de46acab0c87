/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of lib/fs: a writable block device over a regular file. */
#ifndef TESTS_UNIT_FS_BLOCK_H
#define TESTS_UNIT_FS_BLOCK_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/block_impl.h"

struct file_block {
	struct block base;
	int fd;
};

static int file_block_read(struct block *block, void *buf, size_t len, uint64_t offset,
			   struct error *err)
{
	ssize_t n = pread(((struct file_block *)block)->fd, buf, len, (off_t)offset);

	return n == (ssize_t)len ? 0 : error_set(err, ERROR_IO, "short read");
}

static int file_block_write(struct block *block, const void *buf, size_t len, uint64_t offset,
			    struct error *err)
{
	ssize_t n = pwrite(((struct file_block *)block)->fd, buf, len, (off_t)offset);

	return n == (ssize_t)len ? 0 : error_set(err, ERROR_IO, "short write");
}

static int file_block_flush(struct block *block, struct error *err)
{
	(void)block;
	(void)err;
	return 0;
}

static void file_block_free(struct block *block)
{
	close(((struct file_block *)block)->fd);
	free(block);
}

static const struct block_ops file_block_ops = {
	.read = file_block_read,
	.write = file_block_write,
	.flush = file_block_flush,
	.free = file_block_free,
};

/* Takes the descriptor. */
static struct block *file_block_new(int fd)
{
	struct file_block *block = xcalloc(1, sizeof *block);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		perror("image");
		exit(2);
	}
	block->base.ops = &file_block_ops;
	block->base.size = (uint64_t)st.st_size;
	block->fd = fd;
	return &block->base;
}

#endif
