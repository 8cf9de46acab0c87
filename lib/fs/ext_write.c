/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing content.  It is appended only, so it is gathered in memory (`struct ext_pending`, one
 * file at a time) until it is a few MiB or something else is done; then its blocks are allocated at
 * once and written in as few pieces as they have runs.
 */
#include <string.h>
#include <sys/stat.h>

#include "fs/ext.h"

#define PENDING_SIZE (4u << 20)

static int fail_settle(struct ext *ext)
{
	ext->pending.ino = 0;
	ext->pending.len = 0;
	return -1;
}

static int write_run_part(struct ext *ext, const struct ext_run *run, uint64_t lblk, uint64_t n,
			  struct error *err)
{
	uint64_t block_size = ext->fs->blocksize;
	const uint8_t *data = ext->pending.data + (lblk * block_size - ext->pending.base);

	return ext_io_write(ext->io, data, n * block_size,
			    (run->pblk + (lblk - run->lblk)) * block_size, err);
}

static int write_data(struct ext *ext, uint64_t ino, const union ext_inode *inode, uint64_t lblk,
		      uint64_t end, struct error *err)
{
	const struct ext_map *map;

	if (ext_map_get(ext, ino, inode, &map, err) < 0)
		return -1;
	while (lblk < end) {
		const struct ext_run *run = ext_map_find(map, lblk);
		uint64_t n;

		if (!run || run->lblk > lblk)
			return error_set(err, ERROR_BUG, "inode %llu: a block was not allocated",
					 (unsigned long long)ino);
		n = run->lblk + run->len - lblk;
		if (n > end - lblk)
			n = end - lblk;
		if (write_run_part(ext, run, lblk, n, err) < 0)
			return -1;
		lblk += n;
	}
	return 0;
}

/* Where new blocks have to begin: the block of `first` may be there already (the file ended inside
 * it).  What was preallocated from there on goes. */
static int prepare_blocks(struct ext *ext, uint64_t ino, union ext_inode *inode, uint64_t *first,
			  struct error *err)
{
	const struct ext_map *map;
	const struct ext_run *run;
	errcode_t code;

	if (ext_map_get(ext, ino, inode, &map, err) < 0)
		return -1;
	run = ext_map_find(map, *first);
	if (!run)
		return 0;
	if (run->lblk <= *first && !run->unwritten) {
		++*first;
		run = ext_map_find(map, *first);
		if (!run)
			return 0;
	}
	code = ext2fs_punch(ext->fs, (ext2_ino_t)ino, &inode->small, NULL, *first, ~0ULL);
	ext_map_forget(ext, ino);
	if (code)
		return ext_fail(ext, err, code, "inode %llu: free preallocated blocks",
				(unsigned long long)ino);
	return 0;
}

static int write_size(struct ext *ext, uint64_t ino, union ext_inode *inode, uint64_t size,
		      struct error *err)
{
	errcode_t code = ext2fs_inode_size_set(ext->fs, &inode->small, (ext2_off64_t)size);

	if (code)
		return ext_fail(ext, err, code, "inode %llu: set its size",
				(unsigned long long)ino);
	return ext_inode_write(ext, ino, inode, err);
}

static int settle(struct ext *ext, struct error *err)
{
	struct ext_pending *pending = &ext->pending;
	uint64_t block_size = ext->fs->blocksize, ino = pending->ino;
	uint64_t first = pending->base / block_size, next = first;
	uint64_t end = (pending->base + pending->len + block_size - 1) / block_size;
	union ext_inode inode;

	memset(pending->data + pending->len, 0, (end - first) * block_size - pending->len);
	if (ext_inode_read(ext, ino, &inode, err) < 0 ||
	    prepare_blocks(ext, ino, &inode, &next, err) < 0)
		return -1;
	if (next < end && ext_blocks_append(ext, ino, &inode, next, end - next, err) < 0)
		return -1;
	if (write_data(ext, ino, &inode, first, end, err) < 0)
		return -1;
	return write_size(ext, ino, &inode, pending->base + pending->len, err);
}

int ext_pending_settle(struct ext *ext, struct error *err)
{
	if (!ext->pending.ino)
		return 0;
	if (ext->pending.len && settle(ext, err) < 0)
		return fail_settle(ext);
	ext->pending.ino = 0;
	ext->pending.len = 0;
	return 0;
}

static uint64_t pending_end(const struct ext_pending *pending)
{
	return pending->base + pending->len;
}

/* Content that lies in the inode moves to blocks before it grows. */
static int take_inline(struct ext *ext, uint64_t ino, union ext_inode *inode, struct error *err)
{
	size_t size = inode->small.i_size;

	if (size > EXT_MAX_INODE_SIZE)
		return ext_damaged(err, ino, "it is larger than the data in its inode");
	if (ext_read_content(ext, ino, inode, ext->pending.data, size, 0, err) < 0 ||
	    ext_content_drop(ext, ino, inode, err) < 0)
		return -1;
	ext->pending.ino = (uint32_t)ino;
	ext->pending.base = 0;
	ext->pending.len = size;
	if (ext_pending_settle(ext, err) < 0)
		return -1;
	return ext_inode_read(ext, ino, inode, err);
}

/* Starts gathering at `offset`: what the file has of the block it ends in comes first. */
static int pending_begin(struct ext *ext, uint64_t ino, const union ext_inode *inode,
			 uint64_t offset, struct error *err)
{
	struct ext_pending *pending = &ext->pending;
	uint64_t size = EXT2_I_SIZE(&inode->small), base;

	base = offset & ~((uint64_t)ext->fs->blocksize - 1);
	memset(pending->data, 0, offset - base);
	if (base < size &&
	    ext_read_content(ext, ino, inode, pending->data, size - base, base, err) < 0)
		return -1;
	pending->ino = (uint32_t)ino;
	pending->base = base;
	pending->len = offset - base;
	return 0;
}

static int pending_open(struct ext *ext, uint64_t ino, uint64_t offset, struct error *err)
{
	union ext_inode inode;

	if (ext_pending_settle(ext, err) < 0 || ext_inode_read(ext, ino, &inode, err) < 0)
		return -1;
	if (!ext->pending.data)
		ext->pending.data = xmalloc(PENDING_SIZE + EXT2_MAX_BLOCK_SIZE);
	if (!S_ISREG(inode.small.i_mode))
		return error_set(err, ERROR_BUG, "inode %llu is not a regular file",
				 (unsigned long long)ino);
	if ((inode.small.i_flags & EXT4_INLINE_DATA_FL) && take_inline(ext, ino, &inode, err) < 0)
		return -1;
	if (offset < (uint64_t)EXT2_I_SIZE(&inode.small))
		return error_set(err, ERROR_BUG, "inode %llu: writing before its end",
				 (unsigned long long)ino);
	return pending_begin(ext, ino, &inode, offset, err);
}

/* The largest size of a file in blocks of 32-bit numbers, or of a block map. */
static int check_end(struct ext *ext, uint64_t ino, uint64_t offset, size_t len, struct error *err)
{
	uint64_t end, limit = (uint64_t)ext->fs->blocksize << 32;

	if (__builtin_add_overflow(offset, len, &end) || end > limit - ext->fs->blocksize)
		return error_set(err, ERROR_IMAGE, "inode %llu: the file is too large for ext4",
				 (unsigned long long)ino);
	return 0;
}

int ext_write(struct fs *fs, uint64_t ino, const void *buf, size_t len, uint64_t offset,
	      struct error *err)
{
	struct ext *ext = ext_of(fs);
	struct ext_pending *pending = &ext->pending;
	const uint8_t *from = buf;

	if (check_end(ext, ino, offset, len, err) < 0)
		return -1;
	while (len) {
		size_t n;

		if ((pending->ino != ino || pending_end(pending) != offset ||
		     pending->len >= PENDING_SIZE) &&
		    pending_open(ext, ino, offset, err) < 0)
			return -1;
		n = len < PENDING_SIZE - pending->len ? len : PENDING_SIZE - pending->len;
		memcpy(pending->data + pending->len, from, n);
		pending->len += n;
		from += n;
		offset += n;
		len -= n;
	}
	return 0;
}

int ext_truncate(struct fs *fs, uint64_t ino, struct error *err)
{
	struct ext *ext = ext_of(fs);
	union ext_inode inode;

	if (ext_pending_settle(ext, err) < 0 || ext_inode_read(ext, ino, &inode, err) < 0)
		return -1;
	if (!S_ISREG(inode.small.i_mode))
		return error_set(err, ERROR_BUG, "inode %llu is not a regular file",
				 (unsigned long long)ino);
	return ext_content_drop(ext, ino, &inode, err);
}

int ext_set_size(struct fs *fs, uint64_t ino, uint64_t size, struct error *err)
{
	struct ext *ext = ext_of(fs);
	union ext_inode inode;

	if (check_end(ext, ino, size, 0, err) < 0 || pending_open(ext, ino, size, err) < 0)
		return -1;
	/* Nothing is pending behind what the file had: only its size changes. */
	ext->pending.ino = 0;
	ext->pending.len = 0;
	if (ext_inode_read(ext, ino, &inode, err) < 0)
		return -1;
	return write_size(ext, ino, &inode, size, err);
}
