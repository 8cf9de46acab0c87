/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocating inodes and blocks, and giving them back.
 *
 * Blocks are only ever added at the end of a file, in runs as long as the bitmap has them, each
 * file behind the one written before it.  With the feature bigalloc a bit stands for a cluster of
 * blocks: the blocks of a cluster belong to the same places in the file, so a cluster that is
 * mapped in part already gives its other blocks without being allocated again.
 */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fs/ext.h"

#define MAX_EXTENT_BLOCKS 32768u
#define RUN_TRIES	  16

static bool uses_extents(const struct ext *ext)
{
	return ext2fs_has_feature_extents(ext->fs->super);
}

/* An empty extent tree; the kernel refuses an inode with the flag and without the header. */
static void content_reset(const struct ext *ext, union ext_inode *inode)
{
	struct ext3_extent_header header = {
		.eh_magic = EXT3_EXT_MAGIC,
		.eh_max =
			(sizeof inode->small.i_block - sizeof header) / sizeof(struct ext3_extent),
	};

	memset(inode->small.i_block, 0, sizeof inode->small.i_block);
	inode->small.i_flags &= ~(uint32_t)(EXT4_EXTENTS_FL | EXT4_INLINE_DATA_FL);
	if (!uses_extents(ext))
		return;
	memcpy(inode->small.i_block, &header, sizeof header);
	inode->small.i_flags |= EXT4_EXTENTS_FL;
}

/* A generation that the inode's last user did not have. */
static uint32_t next_generation(struct ext *ext, ext2_ino_t ino)
{
	struct ext2_inode old;

	return ext2fs_read_inode(ext->fs, ino, &old) ? 1 : old.i_generation + 1;
}

static struct fs_time time_or_now(const struct fs_time *time)
{
	struct timespec now;

	if (time->sec || time->nsec)
		return *time;
	clock_gettime(CLOCK_REALTIME, &now);
	return (struct fs_time){.sec = now.tv_sec, .nsec = (uint32_t)now.tv_nsec};
}

static uint16_t new_extra_size(const struct ext *ext)
{
	const struct ext2_super_block *super = ext->fs->super;
	size_t room = EXT2_INODE_SIZE(super) - EXT2_GOOD_OLD_INODE_SIZE;
	size_t want = sizeof(struct ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;

	if (super->s_want_extra_isize > want)
		want = super->s_want_extra_isize;
	return (uint16_t)(want < room ? want : room);
}

int ext_inode_allocate(struct ext *ext, uint64_t dir, const struct fs_stat *meta, uint64_t *ret_ino,
		       union ext_inode *ret, struct error *err)
{
	struct fs_time btime = time_or_now(&meta->btime);
	bool is_dir = S_ISDIR(meta->mode);
	ext2_ino_t ino;
	errcode_t code = ext2fs_new_inode(ext->fs, (ext2_ino_t)dir, meta->mode, NULL, &ino);

	if (code)
		return ext_fail(ext, err, code, "new inode");
	memset(ret, 0, sizeof *ret);
	ret->small.i_generation = next_generation(ext, ino);
	ext2fs_inode_alloc_stats2(ext->fs, ino, 1, is_dir);
	ret->small.i_mode = (uint16_t)meta->mode;
	if (EXT2_INODE_SIZE(ext->fs->super) > EXT2_GOOD_OLD_INODE_SIZE)
		ret->large.i_extra_isize = new_extra_size(ext);
	if (is_dir || S_ISREG(meta->mode))
		content_reset(ext, ret);
	ext_inode_set_meta(ext, ret, meta);
	ext_inode_set_btime(ext, ret, &btime);
	*ret_ino = ino;
	return 0;
}

static bool has_content(const union ext_inode *inode)
{
	if (S_ISLNK(inode->small.i_mode))
		return !ext_is_fast_link(inode);
	return S_ISREG(inode->small.i_mode) || S_ISDIR(inode->small.i_mode);
}

int ext_content_drop(struct ext *ext, uint64_t ino, union ext_inode *inode, struct error *err)
{
	errcode_t code;

	if (!has_content(inode))
		return 0;
	ext_map_forget(ext, ino);
	code = ext2fs_punch(ext->fs, (ext2_ino_t)ino, &inode->small, NULL, 0, ~0ULL);
	if (code)
		return ext_fail(ext, err, code, "inode %llu: free its blocks",
				(unsigned long long)ino);
	/* Taking inline data off rewrote the attributes in the inode. */
	if ((inode->small.i_flags & EXT4_INLINE_DATA_FL) &&
	    ext_inode_read(ext, ino, inode, err) < 0)
		return -1;
	content_reset(ext, inode);
	inode->small.i_size = inode->small.i_size_high = 0;
	return ext_inode_write(ext, ino, inode, err);
}

int ext_inode_release(struct ext *ext, uint64_t ino, struct error *err)
{
	union ext_inode inode;
	bool is_dir;

	if (ext_inode_read(ext, ino, &inode, err) < 0)
		return -1;
	is_dir = S_ISDIR(inode.small.i_mode);
	if (ext_xattrs_drop(ext, ino, &inode, err) < 0 ||
	    ext_content_drop(ext, ino, &inode, err) < 0)
		return -1;
	inode.small.i_links_count = 0;
	inode.small.i_dtime = (uint32_t)time(NULL);
	if (ext_inode_write(ext, ino, &inode, err) < 0)
		return -1;
	ext_map_forget(ext, ino);
	ext_dir_forget(ext, ino);
	ext2fs_inode_alloc_stats2(ext->fs, (ext2_ino_t)ino, -1, is_dir);
	return 0;
}

/* A free run of up to `want` blocks, the longest of a few looked at; whole clusters. */
static errcode_t find_run(struct ext *ext, blk64_t goal, blk64_t want, blk64_t *ret,
			  blk64_t *ret_len)
{
	blk64_t mask = (blk64_t)EXT2FS_CLUSTER_MASK(ext->fs), best_len = 0;

	for (int try = 0; try < RUN_TRIES && best_len < want; try++) {
		blk64_t start, len;
		errcode_t code =
			ext2fs_new_range(ext->fs, 0, goal & ~mask, want, NULL, &start, &len);

		if (code)
			return code;
		len &= ~mask;
		if (len > best_len) {
			*ret = start;
			best_len = len;
		}
		goal = start + len + mask + 1;
	}
	*ret_len = best_len;
	return best_len ? 0 : EXT2_ET_BLOCK_ALLOC_FAIL;
}

static blk64_t goal_of(struct ext *ext, uint64_t ino, const union ext_inode *inode, uint64_t lblk,
		       const struct ext_map *map)
{
	const struct ext_run *last = map->n_runs ? &map->runs[map->n_runs - 1] : NULL;
	union ext_inode copy;

	if (last)
		return last->pblk + last->len;
	if (ext->goal)
		return ext->goal;
	memcpy(&copy, inode, sizeof copy.large);
	return ext2fs_find_inode_goal(ext->fs, (ext2_ino_t)ino, &copy.small, lblk);
}

/* Takes blocks for lblk and up to n - 1 that follow it. */
static errcode_t claim(struct ext *ext, uint64_t ino, union ext_inode *inode, blk64_t goal,
		       struct ext_run *run)
{
	blk64_t mask = (blk64_t)EXT2FS_CLUSTER_MASK(ext->fs), head = run->lblk & mask, start, len;
	errcode_t code;

	if (head) {
		code = ext2fs_map_cluster_block(ext->fs, (ext2_ino_t)ino, &inode->small, run->lblk,
						&start);
		if (code)
			return code;
		if (start) {
			run->pblk = start;
			if (run->len > mask + 1 - head)
				run->len = mask + 1 - head;
			return 0;
		}
	}
	code = find_run(ext, goal, (head + run->len + mask) & ~mask, &start, &len);
	if (code)
		return code;
	ext2fs_block_alloc_stats_range(ext->fs, start, (blk_t)len, +1);
	ext->goal = start + len;
	run->pblk = start + head;
	if (run->len > len - head)
		run->len = len - head;
	return ext2fs_iblk_add_blocks(ext->fs, &inode->small, len / (mask + 1));
}

/* Makes the last extent longer when the new one continues it, or inserts the new one behind it. */
static errcode_t extent_append(ext2_extent_handle_t handle, const struct ext_run *last,
			       struct ext2fs_extent *new)
{
	struct ext2fs_extent old;
	errcode_t code;

	if (!last)
		return ext2fs_extent_insert(handle, 0, new);
	code = ext2fs_extent_goto(handle, last->lblk + last->len - 1);
	if (!code)
		code = ext2fs_extent_get(handle, EXT2_EXTENT_CURRENT, &old);
	if (code)
		return code;
	if (!(old.e_flags & EXT2_EXTENT_FLAGS_UNINIT) && old.e_lblk + old.e_len == new->e_lblk &&
	    old.e_pblk + old.e_len == new->e_pblk &&old.e_len + new->e_len <= MAX_EXTENT_BLOCKS) {
		old.e_len += new->e_len;
		return ext2fs_extent_replace(handle, 0, &old);
	}
	code = ext2fs_extent_insert(handle, EXT2_EXTENT_INSERT_AFTER, new);
	return code ? code : ext2fs_extent_fix_parents(handle);
}

static errcode_t insert_run(struct ext *ext, uint64_t ino, union ext_inode *inode,
			    const struct ext_run *last, const struct ext_run *run)
{
	struct ext2fs_extent extent = {
		.e_lblk = run->lblk,
		.e_pblk = run->pblk,
		.e_len = (uint32_t)run->len,
	};
	ext2_extent_handle_t handle;
	errcode_t code;

	code = ext2fs_extent_open2(ext->fs, (ext2_ino_t)ino, &inode->small, &handle);
	if (code)
		return code;
	code = extent_append(handle, last, &extent);
	ext2fs_extent_free(handle);
	return code;
}

static int append_extents(struct ext *ext, uint64_t ino, union ext_inode *inode, uint64_t lblk,
			  uint64_t n, struct error *err)
{
	const struct ext_map *map;

	while (n) {
		struct ext_run run = {.lblk = lblk,
				      .len = n < MAX_EXTENT_BLOCKS ? n : MAX_EXTENT_BLOCKS};
		const struct ext_run *last;
		errcode_t code;

		if (ext_map_get(ext, ino, inode, &map, err) < 0)
			return -1;
		last = map->n_runs ? &map->runs[map->n_runs - 1] : NULL;
		code = claim(ext, ino, inode, goal_of(ext, ino, inode, lblk, map), &run);
		if (!code)
			code = insert_run(ext, ino, inode, last, &run);
		if (code)
			return ext_fail(ext, err, code, "inode %llu: allocate blocks",
					(unsigned long long)ino);
		ext_map_forget(ext, ino);
		lblk += run.len;
		n -= run.len;
	}
	return ext_inode_write(ext, ino, inode, err);
}

static int append_blocks(struct ext *ext, uint64_t ino, union ext_inode *inode, uint64_t lblk,
			 uint64_t n, struct error *err)
{
	for (; n; n--, lblk++) {
		blk64_t block;
		errcode_t code = ext2fs_bmap2(ext->fs, (ext2_ino_t)ino, &inode->small, NULL,
					      BMAP_ALLOC, lblk, NULL, &block);

		if (code)
			return ext_fail(ext, err, code, "inode %llu: allocate blocks",
					(unsigned long long)ino);
	}
	return ext_inode_write(ext, ino, inode, err);
}

int ext_blocks_append(struct ext *ext, uint64_t ino, union ext_inode *inode, uint64_t lblk,
		      uint64_t n, struct error *err)
{
	int result;

	if (inode->small.i_flags & EXT4_EXTENTS_FL)
		result = append_extents(ext, ino, inode, lblk, n, err);
	else
		result = append_blocks(ext, ino, inode, lblk, n, err);
	ext_map_forget(ext, ino);
	return result;
}
