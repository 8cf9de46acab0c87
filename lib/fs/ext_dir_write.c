/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adding and removing names.
 *
 * A directory has one of three forms.  Inline: libext2fs does it, and makes it a block when it is
 * full.  Linear: the first block with room takes the entry.  Indexed: libext2fs finds the block by
 * hash and splits it.  libext2fs never makes a directory indexed; as the kernel does, that is done
 * here when the first block of a linear directory is full (`make_index`).
 *
 * Removing is the same in a linear and an indexed directory: the entry before swallows the record.
 *
 * dir_index, ext4 documentation: block 0 holds "." and ".." whose record spans the rest, in which
 * lies at offset 24 struct ext2_dx_root_info and at 32 the table of (hash, block), whose first hash
 * is its limit and count; with metadata_csum 8 bytes at the end are for the checksum.
 */
#include <string.h>
#include <sys/stat.h>

#include "fs/ext.h"

#define TAIL_SIZE     sizeof(struct ext2_dir_entry_tail)
#define ROOT_INFO_AT  24
#define ROOT_TABLE_AT 32

/* A directory block in memory, and where it came from. */
struct dir_block {
	uint64_t ino, pblk;
	uint8_t *data;
	uint32_t usable; /* without the checksum at its end */
};

static uint32_t usable_size(const struct ext *ext)
{
	return ext->fs->blocksize -
	       (ext2fs_has_feature_metadata_csum(ext->fs->super) ? TAIL_SIZE : 0);
}

static int block_read_at(struct ext *ext, const union ext_inode *inode, uint32_t lblk,
			 struct dir_block *block, struct error *err)
{
	const struct ext_map *map;
	const struct ext_run *run;
	errcode_t code;

	if (ext_map_get(ext, block->ino, inode, &map, err) < 0)
		return -1;
	run = ext_map_find(map, lblk);
	if (!run || run->lblk > lblk)
		return ext_damaged(err, block->ino, "the directory has a hole");
	block->pblk = run->pblk + (lblk - run->lblk);
	block->usable = usable_size(ext);
	code = ext2fs_read_dir_block4(ext->fs, block->pblk, block->data, 0, (ext2_ino_t)block->ino);
	if (code)
		return ext_fail(ext, err, code, "inode %llu: directory block",
				(unsigned long long)block->ino);
	return 0;
}

static int block_write_back(struct ext *ext, const struct dir_block *block, struct error *err)
{
	errcode_t code = ext2fs_write_dir_block4(ext->fs, block->pblk, block->data, 0,
						 (ext2_ino_t)block->ino);

	if (code)
		return ext_fail(ext, err, code, "inode %llu: write a directory block",
				(unsigned long long)block->ino);
	return 0;
}

static struct ext2_dir_entry *raw_at(const struct dir_block *block, uint32_t offset)
{
	return (struct ext2_dir_entry *)(block->data + offset);
}

static int file_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return EXT2_FT_REG_FILE;
	case S_IFDIR:
		return EXT2_FT_DIR;
	case S_IFCHR:
		return EXT2_FT_CHRDEV;
	case S_IFBLK:
		return EXT2_FT_BLKDEV;
	case S_IFIFO:
		return EXT2_FT_FIFO;
	case S_IFSOCK:
		return EXT2_FT_SOCK;
	case S_IFLNK:
		return EXT2_FT_SYMLINK;
	default:
		return EXT2_FT_UNKNOWN;
	}
}

/* What is to be added. */
struct addition {
	const char *name;
	uint32_t len; /* of the name */
	uint32_t ino;
	int type; /* 0 where the feature filetype is off */
};

static void put_entry(struct ext *ext, const struct dir_block *block, uint32_t offset,
		      uint32_t rec_len, const struct addition *addition)
{
	struct ext2_dir_entry *entry = raw_at(block, offset);

	entry->inode = addition->ino;
	entry->name_len = (uint16_t)(addition->len | (uint32_t)addition->type << 8);
	memcpy(block->data + offset + offsetof(struct ext2_dir_entry, name), addition->name,
	       addition->len);
	ext2fs_set_rec_len(ext->fs, rec_len, entry);
}

/* 1: it went into this block; 0: no room. */
static int block_insert(struct ext *ext, const struct dir_block *block,
			const struct addition *addition, struct error *err)
{
	uint32_t need = EXT2_DIR_REC_LEN(addition->len);
	struct ext_dir_record record;

	for (uint32_t offset = 0; offset < block->usable; offset += record.rec_len) {
		uint32_t taken;

		if (ext_dir_record_at(block->data, ext->fs->blocksize, offset, &record) < 0)
			return ext_damaged(err, block->ino, "damaged directory entry");
		taken = record.ino ? EXT2_DIR_REC_LEN(record.name_len) : 0;
		if (record.rec_len < taken + need)
			continue;
		if (taken)
			ext2fs_set_rec_len(ext->fs, taken, raw_at(block, offset));
		put_entry(ext, block, offset + taken, record.rec_len - taken, addition);
		return 1;
	}
	return 0;
}

static uint32_t block_count(const struct ext *ext, const union ext_inode *inode)
{
	return (uint32_t)((uint64_t)EXT2_I_SIZE(&inode->small) / ext->fs->blocksize);
}

/* 1: done, *ret_block says where; 0: every block from `first` on is full. */
static int insert_from(struct ext *ext, const union ext_inode *inode, struct dir_block *block,
		       const struct addition *addition, uint32_t first, uint32_t *ret_block,
		       struct error *err)
{
	uint32_t n_blocks = block_count(ext, inode);

	for (uint32_t lblk = first; lblk < n_blocks; lblk++) {
		int done;

		if (block_read_at(ext, inode, lblk, block, err) < 0)
			return -1;
		done = block_insert(ext, block, addition, err);
		if (done < 0 || (done && block_write_back(ext, block, err) < 0))
			return -1;
		if (done) {
			*ret_block = lblk;
			return 1;
		}
	}
	return 0;
}

static int expand(struct ext *ext, uint64_t dir, union ext_inode *inode, struct error *err)
{
	errcode_t code = ext2fs_expand_dir(ext->fs, (ext2_ino_t)dir);

	ext_map_forget(ext, dir);
	if (code)
		return ext_fail(ext, err, code, "inode %llu: expand the directory",
				(unsigned long long)dir);
	return ext_inode_read(ext, dir, inode, err);
}

/* Copies the entries of block 0 but "." and ".." into a leaf, packed. */
static int fill_leaf(struct ext *ext, const struct dir_block *from, struct dir_block *leaf,
		     struct error *err)
{
	struct ext_dir_record record;
	uint32_t end = 0, last = 0;

	memset(leaf->data, 0, ext->fs->blocksize);
	for (uint32_t offset = 0; offset < from->usable; offset += record.rec_len) {
		uint32_t len;

		if (ext_dir_record_at(from->data, ext->fs->blocksize, offset, &record) < 0)
			return ext_damaged(err, from->ino, "damaged directory entry");
		if (!record.ino ||
		    (record.name_len <= 2 && memcmp(record.name, "..", record.name_len) == 0))
			continue;
		len = EXT2_DIR_REC_LEN(record.name_len);
		memcpy(leaf->data + end, from->data + offset,
		       offsetof(struct ext2_dir_entry, name) + record.name_len);
		ext2fs_set_rec_len(ext->fs, len, raw_at(leaf, end));
		last = end;
		end += len;
	}
	ext2fs_set_rec_len(ext->fs, leaf->usable - last, raw_at(leaf, last));
	if (leaf->usable < ext->fs->blocksize)
		ext2fs_initialize_dirent_tail(ext->fs,
					      EXT2_DIRENT_TAIL(leaf->data, ext->fs->blocksize));
	return 0;
}

static void fill_root(struct ext *ext, struct dir_block *root)
{
	uint32_t size = ext->fs->blocksize, dot = EXT2_DIR_REC_LEN(1);
	struct ext2_dx_root_info info = {
		.hash_version = ext->fs->super->s_def_hash_version,
		.info_length = sizeof info,
	};
	uint32_t checksum = root->usable < size ? sizeof(struct ext2_dx_tail) : 0;
	struct ext2_dx_countlimit head = {
		.limit = (uint16_t)((size - ROOT_TABLE_AT - checksum) /
				    sizeof(struct ext2_dx_entry)),
		.count = 1,
	};
	uint32_t first_leaf = 1;

	ext2fs_set_rec_len(ext->fs, size - dot, raw_at(root, dot));
	memset(root->data + ROOT_INFO_AT, 0, size - ROOT_INFO_AT);
	memcpy(root->data + ROOT_INFO_AT, &info, sizeof info);
	memcpy(root->data + ROOT_TABLE_AT, &head, sizeof head);
	memcpy(root->data + ROOT_TABLE_AT + sizeof head, &first_leaf, sizeof first_leaf);
}

/* "." and ".." come first and their records are minimal, or the table would not lie where it must.
 */
static bool root_is_plain(const struct ext *ext, const struct dir_block *block)
{
	struct ext_dir_record dot, dotdot;

	return ext_dir_record_at(block->data, ext->fs->blocksize, 0, &dot) == 0 &&
	       dot.rec_len == EXT2_DIR_REC_LEN(1) && dot.name_len == 1 && dot.name[0] == '.' &&
	       ext_dir_record_at(block->data, ext->fs->blocksize, dot.rec_len, &dotdot) == 0 &&
	       dotdot.name_len == 2 && memcmp(dotdot.name, "..", 2) == 0;
}

static int index_blocks(struct ext *ext, uint64_t dir, union ext_inode *inode,
			struct dir_block *root, struct dir_block *leaf, struct error *err)
{
	if (expand(ext, dir, inode, err) < 0 || block_read_at(ext, inode, 0, root, err) < 0 ||
	    block_read_at(ext, inode, 1, leaf, err) < 0 || fill_leaf(ext, root, leaf, err) < 0)
		return -1;
	fill_root(ext, root);
	if (block_write_back(ext, leaf, err) < 0 || block_write_back(ext, root, err) < 0)
		return -1;
	inode->small.i_flags |= EXT2_INDEX_FL;
	return ext_inode_write(ext, dir, inode, err);
}

static int make_index(struct ext *ext, uint64_t dir, union ext_inode *inode, struct dir_block *root,
		      struct error *err)
{
	CLEANUP_FREE uint8_t *data = xmalloc(ext->fs->blocksize);
	struct dir_block leaf = {.ino = dir, .data = data};

	return index_blocks(ext, dir, inode, root, &leaf, err);
}

static bool can_index(const struct ext *ext, const union ext_inode *inode,
		      const struct dir_block *first)
{
	return ext2fs_has_feature_dir_index(ext->fs->super) && block_count(ext, inode) == 1 &&
	       ext->fs->super->s_def_hash_version <= EXT2_HASH_TEA && root_is_plain(ext, first);
}

/* Inline and indexed directories. */
static int add_by_library(struct ext *ext, uint64_t dir, const struct addition *addition,
			  struct error *err)
{
	errcode_t code = ext2fs_link(ext->fs, (ext2_ino_t)dir, addition->name, addition->ino,
				     addition->type);

	ext_map_forget(ext, dir);
	if (code)
		return ext_fail(ext, err, code, "inode %llu: add the name %s",
				(unsigned long long)dir, addition->name);
	return 0;
}

static int add_linear(struct ext *ext, uint64_t dir, union ext_inode *inode,
		      const struct addition *addition, uint32_t *room, struct error *err)
{
	CLEANUP_FREE uint8_t *data = xmalloc(ext->fs->blocksize);
	struct dir_block block = {.ino = dir, .data = data};
	int done = insert_from(ext, inode, &block, addition, *room, room, err);

	if (done)
		return done < 0 ? -1 : 0;
	if (can_index(ext, inode, &block)) {
		if (make_index(ext, dir, inode, &block, err) < 0)
			return -1;
		*room = 0;
		return add_by_library(ext, dir, addition, err);
	}
	if (expand(ext, dir, inode, err) < 0)
		return -1;
	done = insert_from(ext, inode, &block, addition, block_count(ext, inode) - 1, room, err);
	if (done == 0)
		return ext_damaged(err, dir, "the directory cannot be expanded");
	return done < 0 ? -1 : 0;
}

/* 1: done; 0: it was full, and is a linear directory now. */
static int add_inline(struct ext *ext, uint64_t dir, union ext_inode *inode,
		      const struct addition *addition, struct error *err)
{
	errcode_t code = ext2fs_link(ext->fs, (ext2_ino_t)dir, addition->name, addition->ino,
				     addition->type);

	if (!code)
		return 1;
	if (code != EXT2_ET_DIR_NO_SPACE)
		return ext_fail(ext, err, code, "inode %llu: add the name %s",
				(unsigned long long)dir, addition->name);
	return expand(ext, dir, inode, err);
}

static int add_entry(struct ext *ext, uint64_t dir, const struct addition *addition, uint32_t *room,
		     struct error *err)
{
	union ext_inode inode;

	if (ext_inode_read(ext, dir, &inode, err) < 0)
		return -1;
	if (inode.small.i_flags & EXT4_INLINE_DATA_FL) {
		int done = add_inline(ext, dir, &inode, addition, err);

		if (done)
			return done < 0 ? -1 : 0;
	}
	if (inode.small.i_flags & EXT2_INDEX_FL)
		return add_by_library(ext, dir, addition, err);
	return add_linear(ext, dir, &inode, addition, room, err);
}

int ext_dir_add(struct ext *ext, uint64_t dir_ino, const char *name, uint32_t ino, mode_t mode,
		struct error *err)
{
	bool typed = ext2fs_has_feature_filetype(ext->fs->super);
	struct addition addition = {
		.name = name,
		.len = (uint32_t)strlen(name),
		.ino = ino,
		.type = typed ? file_type(mode) : 0,
	};
	struct ext_dir *dir = ext_dir_get(ext, dir_ino, err);

	if (!dir)
		return -1;
	if (ext_dir_find(dir, name))
		return error_set(err, ERROR_BUG, "inode %llu: the name %s is taken",
				 (unsigned long long)dir_ino, name);
	if (add_entry(ext, dir_ino, &addition, &dir->room, err) < 0) {
		ext_dir_forget(ext, dir_ino);
		return -1;
	}
	ext_dir_note(dir, name, addition.len, ino, dir->room);
	return 0;
}

/* 1: it was in this block; 0: not. */
static int block_remove(struct ext *ext, const struct dir_block *block, const char *name,
			struct error *err)
{
	struct ext_dir_record record, previous = {0};
	size_t len = strlen(name);

	for (uint32_t offset = 0; offset < block->usable; offset += record.rec_len) {
		if (ext_dir_record_at(block->data, ext->fs->blocksize, offset, &record) < 0)
			return ext_damaged(err, block->ino, "damaged directory entry");
		if (record.ino && record.name_len == len && memcmp(record.name, name, len) == 0) {
			if (previous.rec_len)
				ext2fs_set_rec_len(ext->fs, previous.rec_len + record.rec_len,
						   raw_at(block, previous.offset));
			else
				raw_at(block, offset)->inode = 0;
			return 1;
		}
		previous = record;
	}
	return 0;
}

static int remove_from(struct ext *ext, uint64_t dir, const union ext_inode *inode,
		       const char *name, uint32_t lblk, struct error *err)
{
	CLEANUP_FREE uint8_t *data = xmalloc(ext->fs->blocksize);
	struct dir_block block = {.ino = dir, .data = data};
	int done;

	if (lblk >= block_count(ext, inode))
		return 0;
	if (block_read_at(ext, inode, lblk, &block, err) < 0)
		return -1;
	done = block_remove(ext, &block, name, err);
	if (done > 0 && block_write_back(ext, &block, err) < 0)
		return -1;
	return done;
}

static int remove_inline(struct ext *ext, uint64_t dir, const char *name, struct error *err)
{
	errcode_t code = ext2fs_unlink(ext->fs, (ext2_ino_t)dir, name, 0, 0);

	if (code)
		return ext_fail(ext, err, code, "inode %llu: remove the name %s",
				(unsigned long long)dir, name);
	return 0;
}

/* 1: removed; 0: the table's idea of where it is was wrong. */
static int remove_hinted(struct ext *ext, uint64_t dir_ino, const union ext_inode *inode,
			 const char *name, struct error *err)
{
	struct ext_dir *dir = ext_dir_get(ext, dir_ino, err);
	struct ext_dir_entry *entry = dir ? ext_dir_find(dir, name) : NULL;
	int done;

	if (!dir)
		return -1;
	if (!entry)
		return error_set(err, ERROR_BUG, "inode %llu has no name %s",
				 (unsigned long long)dir_ino, name);
	if (inode->small.i_flags & EXT4_INLINE_DATA_FL)
		done = remove_inline(ext, dir_ino, name, err) < 0 ? -1 : 1;
	else
		done = remove_from(ext, dir_ino, inode, name, entry->block, err);
	if (done > 0) {
		if (entry->block < dir->room)
			dir->room = entry->block;
		ext_dir_strike(dir, entry);
	}
	return done;
}

int ext_dir_remove(struct ext *ext, uint64_t dir, const char *name, struct error *err)
{
	union ext_inode inode;
	int done;

	if (ext_inode_read(ext, dir, &inode, err) < 0)
		return -1;
	done = remove_hinted(ext, dir, &inode, name, err);
	if (done == 0) {
		ext_dir_forget(ext, dir);
		done = remove_hinted(ext, dir, &inode, name, err);
	}
	if (done == 0)
		return ext_damaged(err, dir, "a name vanished from the directory");
	return done < 0 ? -1 : 0;
}

int ext_dir_initialize(struct ext *ext, uint32_t ino, uint32_t parent, struct error *err)
{
	const struct ext_map *map;
	struct dir_block block = {.ino = ino};
	union ext_inode inode;
	char *data;
	int result;

	if (ext_inode_read(ext, ino, &inode, err) < 0 ||
	    ext_map_get(ext, ino, &inode, &map, err) < 0)
		return -1;
	if (ext2fs_new_dir_block(ext->fs, ino, parent, &data))
		abort();
	block.pblk = map->runs[0].pblk;
	block.data = (uint8_t *)data;
	result = block_write_back(ext, &block, err);
	ext2fs_free_mem(&data);
	return result;
}
