/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the data of an inode lies, as a list of runs: from its extent tree or from its block map.
 * Both are the guest's claims.  A tree may refer to itself, or to one node a million times, so what
 * is visited is counted, logical blocks must go up, and every block must be on the device.
 */
#include <string.h>

#include "fs/ext.h"

#define MAX_DEPTH 5
#define MAX_RUNS  (4u << 20)

struct map_reader {
	struct ext *ext;
	uint64_t ino;
	struct ext_map *map;
	uint64_t visits; /* nodes and extents seen */
	uint64_t total;	 /* blocks mapped */
	struct error *err;
	bool failed;
};

static int damaged(struct map_reader *reader, const char *what)
{
	reader->failed = true;
	return ext_damaged(reader->err, reader->ino, what);
}

static bool joins(const struct ext_run *last, const struct ext_run *run)
{
	return last->lblk + last->len == run->lblk && last->pblk + last->len == run->pblk &&
	       last->unwritten == run->unwritten;
}

static int map_add(struct map_reader *reader, const struct ext_run *run)
{
	struct ext_map *map = reader->map;
	struct ext2_super_block *super = reader->ext->fs->super;
	uint64_t n_blocks = ext2fs_blocks_count(super);
	struct ext_run *last = map->n_runs ? &map->runs[map->n_runs - 1] : NULL;

	if (run->len == 0 || (last && run->lblk < last->lblk + last->len))
		return damaged(reader, "its extents overlap or are out of order");
	if (run->pblk < super->s_first_data_block || run->pblk >= n_blocks ||
	    run->len > n_blocks - run->pblk)
		return damaged(reader, "an extent lies beyond the end of the file system");
	reader->total += run->len;
	if (reader->total > n_blocks)
		return damaged(reader, "it refers to more blocks than there are");
	if (last && joins(last, run)) {
		last->len += run->len;
		return 0;
	}
	if (map->n_runs == MAX_RUNS)
		return damaged(reader, "too many extents");
	*ARRAY_ADD(map->runs, map->n_runs) = *run;
	return 0;
}

static int count_visit(struct map_reader *reader)
{
	if (++reader->visits > 2 * ext2fs_blocks_count(reader->ext->fs->super))
		return damaged(reader, "it refers to more blocks than there are");
	return 0;
}

static int read_extent(struct map_reader *reader, const struct ext2fs_extent *extent)
{
	struct ext_run run = {
		.lblk = extent->e_lblk,
		.pblk = extent->e_pblk,
		.len = extent->e_len,
		.unwritten = extent->e_flags & EXT2_EXTENT_FLAGS_UNINIT,
	};

	if (count_visit(reader) < 0)
		return -1;
	if (!(extent->e_flags & EXT2_EXTENT_FLAGS_LEAF))
		return 0;
	return map_add(reader, &run);
}

static int read_extents(struct map_reader *reader, ext2_extent_handle_t handle)
{
	struct ext2fs_extent extent;
	errcode_t code;

	for (code = ext2fs_extent_get(handle, EXT2_EXTENT_ROOT, &extent); code == 0;
	     code = ext2fs_extent_get(handle, EXT2_EXTENT_NEXT, &extent))
		if (read_extent(reader, &extent) < 0)
			return -1;
	if (code == EXT2_ET_EXTENT_NO_NEXT || code == EXT2_ET_NO_CURRENT_NODE)
		return 0;
	return ext_fail(reader->ext, reader->err, code, "inode %llu: extents",
			(unsigned long long)reader->ino);
}

static int map_read_extents(struct map_reader *reader, union ext_inode *inode)
{
	const struct ext3_extent_header *root = (const void *)inode->small.i_block;
	ext2_extent_handle_t handle;
	errcode_t code;
	int result;

	if (root->eh_depth > MAX_DEPTH)
		return damaged(reader, "its extent tree is too deep");
	code = ext2fs_extent_open2(reader->ext->fs, (ext2_ino_t)reader->ino, &inode->small,
				   &handle);
	if (code)
		return ext_fail(reader->ext, reader->err, code, "inode %llu: extents",
				(unsigned long long)reader->ino);
	result = read_extents(reader, handle);
	ext2fs_extent_free(handle);
	return result;
}

static int visit_block(ext2_filsys fs, blk64_t *blk, e2_blkcnt_t lblk, blk64_t ref_block,
		       int ref_offset, void *opaque)
{
	struct map_reader *reader = opaque;
	struct ext_run run = {.lblk = (uint64_t)lblk, .pblk = *blk, .len = 1};

	(void)fs;
	(void)ref_block;
	(void)ref_offset;
	if (count_visit(reader) < 0 || (lblk >= 0 && map_add(reader, &run) < 0))
		return BLOCK_ABORT;
	return 0;
}

static int map_read_blocks(struct map_reader *reader)
{
	errcode_t code = ext2fs_block_iterate3(reader->ext->fs, (ext2_ino_t)reader->ino,
					       BLOCK_FLAG_READ_ONLY, NULL, visit_block, reader);

	if (reader->failed)
		return -1;
	if (code)
		return ext_fail(reader->ext, reader->err, code, "inode %llu: block map",
				(unsigned long long)reader->ino);
	return 0;
}

static void map_clear(struct ext_map *map)
{
	free(map->runs);
	*map = (struct ext_map){0};
}

static int map_read(struct ext *ext, uint64_t ino, const union ext_inode *inode,
		    struct ext_map *map, struct error *err)
{
	struct map_reader reader = {.ext = ext, .ino = ino, .map = map, .err = err};
	union ext_inode copy;

	if (inode->small.i_flags & EXT4_INLINE_DATA_FL)
		return 0;
	if (!(inode->small.i_flags & EXT4_EXTENTS_FL))
		return map_read_blocks(&reader);
	memcpy(&copy, inode, EXT2_INODE_SIZE(ext->fs->super));
	return map_read_extents(&reader, &copy);
}

int ext_map_get(struct ext *ext, uint64_t ino, const union ext_inode *inode,
		const struct ext_map **ret, struct error *err)
{
	struct ext_map *map;

	for (unsigned i = 0; i < EXT_N_MAPS; i++) {
		if (ext->maps[i].ino == ino) {
			*ret = &ext->maps[i];
			return 0;
		}
	}
	map = &ext->maps[ext->next_map];
	ext->next_map = (ext->next_map + 1) % EXT_N_MAPS;
	map_clear(map);
	if (map_read(ext, ino, inode, map, err) < 0) {
		map_clear(map);
		return -1;
	}
	map->ino = (uint32_t)ino;
	*ret = map;
	return 0;
}

void ext_map_forget(struct ext *ext, uint64_t ino)
{
	for (unsigned i = 0; i < EXT_N_MAPS; i++)
		if (ext->maps[i].ino == ino)
			map_clear(&ext->maps[i]);
}

void ext_map_free_all(struct ext *ext)
{
	for (unsigned i = 0; i < EXT_N_MAPS; i++)
		map_clear(&ext->maps[i]);
}

const struct ext_run *ext_map_find(const struct ext_map *map, uint64_t lblk)
{
	size_t low = 0, high = map->n_runs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct ext_run *run = &map->runs[middle];

		if (run->lblk + run->len > lblk)
			high = middle;
		else
			low = middle + 1;
	}
	return low < map->n_runs ? &map->runs[low] : NULL;
}
