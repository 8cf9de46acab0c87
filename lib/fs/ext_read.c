/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading content.  It lies in blocks (ext_map.c), or in the inode itself: a short symlink in
 * i_block, and with the feature inline_data a small file or directory in i_block and in the
 * attribute "system.data" behind it.
 */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/ext.h"

#define IN_BLOCK_SIZE sizeof((struct ext2_inode *)0)->i_block

struct data_search {
	const uint8_t *value;
	size_t size;
};

static int find_data(void *opaque, const struct ext_xattr_entry *entry, struct error *err)
{
	struct data_search *search = opaque;

	(void)err;
	if (ext_xattr_is_data(entry) && entry->value) {
		search->value = entry->value;
		search->size = entry->value_size;
	}
	return 0;
}

/* Copies what a part of the data, which begins at `start` of the file, has of the piece asked for.
 */
static void copy_part(uint8_t *buf, size_t len, uint64_t offset, const uint8_t *part, size_t start,
		      size_t size)
{
	uint64_t from = offset > start ? offset : start;
	uint64_t to = offset + len < start + size ? offset + len : start + size;

	if (from < to)
		memcpy(buf + (from - offset), part + (from - start), to - from);
}

/* A file may end in a hole behind the data in its inode, as a file in blocks may. */
static int read_inline(struct ext *ext, uint64_t ino, const union ext_inode *inode, uint8_t *buf,
		       size_t len, uint64_t offset, struct error *err)
{
	struct data_search tail = {0};
	struct ext_xattr_area area;

	if (ext_xattr_inode_area(ext, inode, &area) &&
	    ext_xattr_each(ino, &area, find_data, &tail, err) < 0)
		return -1;
	memset(buf, 0, len);
	copy_part(buf, len, offset, (const uint8_t *)inode->small.i_block, 0, IN_BLOCK_SIZE);
	copy_part(buf, len, offset, tail.value, IN_BLOCK_SIZE, tail.size);
	return 0;
}

/* What the map has at `offset`: up to len bytes, of one run or of one hole. */
static int read_piece(struct ext *ext, const struct ext_map *map, uint8_t *buf, size_t *len,
		      uint64_t offset, struct error *err)
{
	uint64_t block_size = ext->fs->blocksize;
	const struct ext_run *run = ext_map_find(map, offset / block_size);
	uint64_t start = run ? run->lblk * block_size : UINT64_MAX;
	uint64_t end = run ? start + run->len * block_size : UINT64_MAX;

	if (!run || offset < start) {
		*len = *len < start - offset ? *len : (size_t)(start - offset);
		memset(buf, 0, *len);
		return 0;
	}
	*len = *len < end - offset ? *len : (size_t)(end - offset);
	if (run->unwritten) {
		memset(buf, 0, *len);
		return 0;
	}
	return ext_io_read(ext->io, buf, *len, run->pblk * block_size + (offset - start), err);
}

int ext_read_content(struct ext *ext, uint64_t ino, const union ext_inode *inode, void *buf,
		     size_t len, uint64_t offset, struct error *err)
{
	const struct ext_map *map;
	uint8_t *to = buf;

	if (inode->small.i_flags & EXT4_INLINE_DATA_FL)
		return read_inline(ext, ino, inode, to, len, offset, err);
	if (ext_map_get(ext, ino, inode, &map, err) < 0)
		return -1;
	while (len) {
		size_t n = len;

		if (read_piece(ext, map, to, &n, offset, err) < 0)
			return error_prefix(err, "inode %llu", (unsigned long long)ino);
		to += n;
		offset += n;
		len -= n;
	}
	return 0;
}

/* Logical block numbers have 32 bits. */
static int check_size(struct ext *ext, const struct fs_stat *stat, struct error *err)
{
	if (stat->size > (uint64_t)ext->fs->blocksize << 32 || stat->size > INT64_MAX)
		return ext_damaged(err, stat->ino, "its size is impossible");
	return 0;
}

/* The inode of a regular file that can be read, and its size. */
static int open_file(struct ext *ext, uint64_t ino, union ext_inode *ret, struct fs_stat *ret_stat,
		     struct error *err)
{
	if (ext->pending.ino == ino && ext_pending_settle(ext, err) < 0)
		return -1;
	if (ext_inode_read(ext, ino, ret, err) < 0)
		return -1;
	ext_inode_to_stat(ext, ino, ret, ret_stat);
	if (!S_ISREG(ret_stat->mode))
		return error_set(err, ERROR_IMAGE, "inode %llu is not a regular file",
				 (unsigned long long)ino);
	if (ret->small.i_flags & EXT4_ENCRYPT_FL)
		return error_set(err, ERROR_IMAGE, "inode %llu is encrypted",
				 (unsigned long long)ino);
	return check_size(ext, ret_stat, err);
}

ssize_t ext_read(struct fs *fs, uint64_t ino, void *buf, size_t len, uint64_t offset,
		 struct error *err)
{
	struct ext *ext = ext_of(fs);
	union ext_inode inode;
	struct fs_stat stat;

	if (open_file(ext, ino, &inode, &stat, err) < 0)
		return -1;
	if (offset >= stat.size)
		return 0;
	if (len > stat.size - offset)
		len = (size_t)(stat.size - offset);
	if (len > SSIZE_MAX)
		len = SSIZE_MAX;
	if (ext_read_content(ext, ino, &inode, buf, len, offset, err) < 0)
		return -1;
	return (ssize_t)len;
}

static const struct ext_run *next_written(const struct ext_map *map, uint64_t lblk)
{
	const struct ext_run *run = ext_map_find(map, lblk);

	while (run && run->unwritten)
		run = run + 1 < map->runs + map->n_runs ? run + 1 : NULL;
	return run;
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

int ext_next_data(struct fs *fs, uint64_t ino, uint64_t offset, uint64_t *ret_start,
		  uint64_t *ret_end, struct error *err)
{
	struct ext *ext = ext_of(fs);
	uint64_t block_size = ext->fs->blocksize;
	const struct ext_map *map;
	const struct ext_run *run, *last;
	union ext_inode inode;
	struct fs_stat stat;

	if (open_file(ext, ino, &inode, &stat, err) < 0 ||
	    ext_map_get(ext, ino, &inode, &map, err) < 0)
		return -1;
	*ret_start = *ret_end = stat.size;
	if (inode.small.i_flags & EXT4_INLINE_DATA_FL) {
		*ret_start = clamp(offset, 0, stat.size);
		return 0;
	}
	run = next_written(map, offset / block_size);
	if (!run)
		return 0;
	for (last = run; last + 1 < map->runs + map->n_runs && !last[1].unwritten &&
			 last[1].lblk == last->lblk + last->len;)
		last++;
	*ret_start =
		clamp(run->lblk * block_size, offset < stat.size ? offset : stat.size, stat.size);
	*ret_end = clamp((last->lblk + last->len) * block_size, *ret_start, stat.size);
	return 0;
}

bool ext_is_fast_link(const union ext_inode *inode)
{
	return S_ISLNK(inode->small.i_mode) && !(inode->small.i_flags & EXT4_INLINE_DATA_FL) &&
	       inode->small.i_size < IN_BLOCK_SIZE;
}

char *ext_read_link(struct fs *fs, uint64_t ino, struct error *err)
{
	struct ext *ext = ext_of(fs);
	CLEANUP_FREE char *target = NULL;
	union ext_inode inode;
	size_t size;

	if (ext->pending.ino == ino && ext_pending_settle(ext, err) < 0)
		return NULL;
	if (ext_inode_read(ext, ino, &inode, err) < 0)
		return NULL;
	size = inode.small.i_size;
	if (!S_ISLNK(inode.small.i_mode) || (inode.small.i_flags & EXT4_ENCRYPT_FL)) {
		error_set(err, ERROR_IMAGE, "inode %llu is not a readable symlink",
			  (unsigned long long)ino);
		return NULL;
	}
	if (size == 0 || size >= 4096) {
		ext_damaged(err, ino, "a symlink of impossible length");
		return NULL;
	}
	target = xcalloc(1, size + 1);
	if (ext_is_fast_link(&inode))
		memcpy(target, inode.small.i_block, size);
	else if (ext_read_content(ext, ino, &inode, target, size, 0, err) < 0)
		return NULL;
	if (strlen(target) != size) {
		ext_damaged(err, ino, "the target of a symlink has a zero byte in it");
		return NULL;
	}
	return steal(target);
}
