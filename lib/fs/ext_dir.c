/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading directories.  The index of an indexed directory is built so that a reader that does not
 * know it sees empty entries there; so all directories are read as linear ones, and names are found
 * in our own table.
 */
#include <string.h>
#include <sys/stat.h>

#include "fs/ext.h"

#define INLINE_DOTDOT 4 /* an inline directory begins with the parent's inode number */
#define IN_BLOCK_SIZE sizeof((struct ext2_inode *)0)->i_block

static uint64_t name_hash(const char *name, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)name[i]) * 0x100000001b3u;
	return hash ^ hash >> 29;
}

/* The slot of a name, or the empty one where it belongs. */
static size_t slot_of(const struct ext_dir *dir, const char *name, size_t len)
{
	size_t mask = dir->n_slots - 1, slot = name_hash(name, len) & mask;

	while (dir->slots[slot].name && (strncmp(dir->slots[slot].name, name, len) != 0 ||
					 dir->slots[slot].name[len] != '\0'))
		slot = (slot + 1) & mask;
	return slot;
}

static void dir_grow(struct ext_dir *dir)
{
	struct ext_dir old = *dir;

	dir->n_slots = old.n_slots ? 2 * old.n_slots : 16;
	dir->slots = xcalloc(dir->n_slots, sizeof *dir->slots);
	for (size_t i = 0; i < old.n_slots; i++) {
		const struct ext_dir_entry *entry = &old.slots[i];

		if (entry->name)
			dir->slots[slot_of(dir, entry->name, strlen(entry->name))] = *entry;
	}
	free(old.slots);
}

struct ext_dir_entry *ext_dir_find(const struct ext_dir *dir, const char *name)
{
	size_t slot;

	if (!dir->n_slots)
		return NULL;
	slot = slot_of(dir, name, strlen(name));
	return dir->slots[slot].name ? &dir->slots[slot] : NULL;
}

void ext_dir_note(struct ext_dir *dir, const char *name, size_t len, uint32_t ino, uint32_t block)
{
	struct ext_dir_entry *entry;

	if (2 * (dir->n_entries + 1) > dir->n_slots)
		dir_grow(dir);
	entry = &dir->slots[slot_of(dir, name, len)];
	if (!entry->name) {
		entry->name = xstrndup(name, len);
		dir->n_entries++;
	}
	entry->ino = ino;
	entry->block = block;
}

/* Open addressing without tombstones: what follows in the chain is put in again. */
void ext_dir_strike(struct ext_dir *dir, struct ext_dir_entry *entry)
{
	size_t mask = dir->n_slots - 1, slot = (size_t)(entry - dir->slots);

	free(entry->name);
	entry->name = NULL;
	dir->n_entries--;
	for (slot = (slot + 1) & mask; dir->slots[slot].name; slot = (slot + 1) & mask) {
		struct ext_dir_entry moved = dir->slots[slot];

		dir->slots[slot].name = NULL;
		dir->slots[slot_of(dir, moved.name, strlen(moved.name))] = moved;
	}
}

static void dir_clear(struct ext_dir *dir)
{
	for (size_t i = 0; i < dir->n_slots; i++)
		free(dir->slots[i].name);
	free(dir->slots);
	*dir = (struct ext_dir){0};
}

static uint32_t decode_rec_len(uint16_t raw, uint32_t size)
{
	if (size < 65536)
		return raw;
	if (raw == 65535 || raw == 0)
		return size;
	return (raw & 65532u) | (raw & 3u) << 16;
}

int ext_dir_record_at(const void *block, uint32_t size, uint32_t offset, struct ext_dir_record *ret)
{
	const uint32_t head = offsetof(struct ext2_dir_entry, name);
	struct ext2_dir_entry raw;

	if (size - offset < head)
		return -1;
	memcpy(&raw, (const uint8_t *)block + offset, head);
	ret->offset = offset;
	ret->ino = raw.inode;
	ret->rec_len = decode_rec_len(raw.rec_len, size);
	ret->name_len = raw.name_len & 0xff;
	ret->name = (const char *)block + offset + head;
	if (ret->rec_len < 12 || ret->rec_len % 4 || ret->rec_len > size - offset ||
	    ret->name_len + head > ret->rec_len)
		return -1;
	return 0;
}

static bool is_dots(const struct ext_dir_record *record)
{
	return (record->name_len == 1 || record->name_len == 2) && record->name[0] == '.' &&
	       (record->name_len == 1 || record->name[1] == '.');
}

static int load_record(struct ext *ext, struct ext_dir *dir, uint64_t ino,
		       const struct ext_dir_record *record, uint32_t block, struct error *err)
{
	if (record->ino == 0 || is_dots(record))
		return 0;
	if (record->ino > ext->fs->super->s_inodes_count)
		return ext_damaged(err, ino,
				   "a directory entry names an inode that does not exist");
	if (record->name_len == 0 || memchr(record->name, '/', record->name_len) ||
	    memchr(record->name, '\0', record->name_len))
		return ext_damaged(err, ino, "a directory entry has an impossible name");
	ext_dir_note(dir, record->name, record->name_len, record->ino, block);
	return 0;
}

static int load_records(struct ext *ext, struct ext_dir *dir, uint64_t ino, const void *data,
			uint32_t size, uint32_t block, struct error *err)
{
	struct ext_dir_record record;

	for (uint32_t offset = 0; offset < size; offset += record.rec_len) {
		if (ext_dir_record_at(data, size, offset, &record) < 0)
			return ext_damaged(err, ino, "damaged directory entry");
		if (load_record(ext, dir, ino, &record, block, err) < 0)
			return -1;
	}
	return 0;
}

static int load_block(struct ext *ext, struct ext_dir *dir, uint64_t ino, uint64_t pblk,
		      uint32_t lblk, void *buf, struct error *err)
{
	errcode_t code = ext2fs_read_dir_block4(ext->fs, pblk, buf, 0, (ext2_ino_t)ino);

	if (code)
		return ext_fail(ext, err, code, "inode %llu: directory block",
				(unsigned long long)ino);
	return load_records(ext, dir, ino, buf, ext->fs->blocksize, lblk, err);
}

static int load_blocks(struct ext *ext, struct ext_dir *dir, uint64_t ino,
		       const union ext_inode *inode, struct error *err)
{
	uint64_t n_blocks = (uint64_t)EXT2_I_SIZE(&inode->small) / ext->fs->blocksize, next = 0;
	CLEANUP_FREE void *buf = xmalloc(ext->fs->blocksize);
	const struct ext_map *map;

	if (ext_map_get(ext, ino, inode, &map, err) < 0)
		return -1;
	for (size_t i = 0; i < map->n_runs && next < n_blocks; i++) {
		const struct ext_run *run = &map->runs[i];

		if (run->lblk != next || run->unwritten)
			return ext_damaged(err, ino, "the directory has a hole");
		for (; next < run->lblk + run->len && next < n_blocks; next++)
			if (load_block(ext, dir, ino, run->pblk + (next - run->lblk),
				       (uint32_t)next, buf, err) < 0)
				return -1;
	}
	if (next < n_blocks || n_blocks == 0)
		return ext_damaged(err, ino, "the directory has a hole");
	return 0;
}

static int load_inline(struct ext *ext, struct ext_dir *dir, uint64_t ino,
		       const union ext_inode *inode, struct error *err)
{
	size_t size = inode->small.i_size;
	uint8_t buf[EXT_MAX_INODE_SIZE];

	if (size < IN_BLOCK_SIZE || size > sizeof buf)
		return ext_damaged(err, ino, "an inline directory of impossible size");
	if (ext_read_content(ext, ino, inode, buf, size, 0, err) < 0)
		return -1;
	if (load_records(ext, dir, ino, buf + INLINE_DOTDOT, IN_BLOCK_SIZE - INLINE_DOTDOT, 0,
			 err) < 0)
		return -1;
	return load_records(ext, dir, ino, buf + IN_BLOCK_SIZE, (uint32_t)(size - IN_BLOCK_SIZE), 0,
			    err);
}

static int dir_load(struct ext *ext, struct ext_dir *dir, uint64_t ino, struct error *err)
{
	union ext_inode inode;

	if (ext_inode_read(ext, ino, &inode, err) < 0)
		return -1;
	if (!S_ISDIR(inode.small.i_mode))
		return error_set(err, ERROR_IMAGE, "inode %llu is not a directory",
				 (unsigned long long)ino);
	if (inode.small.i_flags & EXT4_ENCRYPT_FL)
		return error_set(err, ERROR_IMAGE, "inode %llu is encrypted",
				 (unsigned long long)ino);
	if (inode.small.i_flags & EXT4_INLINE_DATA_FL)
		return load_inline(ext, dir, ino, &inode, err);
	return load_blocks(ext, dir, ino, &inode, err);
}

static struct ext_dir *oldest(struct ext_dir_cache *cache)
{
	struct ext_dir *dir = &cache->dirs[0];

	for (size_t i = 1; i < EXT_N_DIRS; i++)
		if (cache->dirs[i].used < dir->used)
			dir = &cache->dirs[i];
	return dir;
}

struct ext_dir *ext_dir_get(struct ext *ext, uint64_t ino, struct error *err)
{
	struct ext_dir_cache *cache = &ext->dirs;
	struct ext_dir *dir = NULL;

	for (size_t i = 0; i < EXT_N_DIRS && !dir; i++)
		if (cache->dirs[i].ino == ino)
			dir = &cache->dirs[i];
	if (!dir) {
		dir = oldest(cache);
		dir_clear(dir);
		if (dir_load(ext, dir, ino, err) < 0) {
			dir_clear(dir);
			return NULL;
		}
		dir->ino = (uint32_t)ino;
	}
	dir->used = ++cache->clock;
	return dir;
}

void ext_dir_forget(struct ext *ext, uint64_t ino)
{
	for (size_t i = 0; i < EXT_N_DIRS; i++)
		if (ext->dirs.dirs[i].ino == ino)
			dir_clear(&ext->dirs.dirs[i]);
}

void ext_dir_free_all(struct ext *ext)
{
	for (size_t i = 0; i < EXT_N_DIRS; i++)
		dir_clear(&ext->dirs.dirs[i]);
}

int ext_lookup(struct fs *fs, uint64_t dir_ino, const char *name, uint64_t *ret_ino,
	       struct error *err)
{
	const struct ext_dir *dir = ext_dir_get(ext_of(fs), dir_ino, err);
	const struct ext_dir_entry *entry;

	if (!dir)
		return -1;
	entry = ext_dir_find(dir, name);
	*ret_ino = entry ? entry->ino : 0;
	return 0;
}

/* The callback may look at other directories, or change this one; so it works on a copy. */
int ext_read_directory(struct fs *fs, uint64_t dir_ino, fs_entry_callback *callback, void *opaque,
		       struct error *err)
{
	const struct ext_dir *dir = ext_dir_get(ext_of(fs), dir_ino, err);
	struct ext_dir_entry *copy = NULL;
	size_t n = 0;
	int result = 0;

	if (!dir)
		return -1;
	for (size_t i = 0; i < dir->n_slots; i++) {
		if (!dir->slots[i].name)
			continue;
		*ARRAY_ADD(copy, n) = dir->slots[i];
		copy[n - 1].name = xstrdup(dir->slots[i].name);
	}
	for (size_t i = 0; i < n; i++) {
		if (result == 0 && callback(opaque, copy[i].name, copy[i].ino, err) != 0)
			result = -1;
		free(copy[i].name);
	}
	free(copy);
	return result;
}
