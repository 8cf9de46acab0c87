/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directories of the ext back end.  A directory that is looked at is read whole, once: its names
 * are kept in a hash table, with the block each was seen in, so that thousands of lookups, links
 * and unlinks in one directory do not read it thousands of times.
 */
#ifndef COLDPATCH_FS_EXT_DIR_H
#define COLDPATCH_FS_EXT_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/fs.h"

struct ext;
union ext_inode;

struct ext_dir_entry {
	char *name; /* NULL: empty slot */
	uint32_t ino;
	uint32_t block; /* where it was last seen; blocks of an indexed directory split, so only a
			   hint */
};

struct ext_dir {
	uint32_t ino; /* 0: empty slot */
	struct ext_dir_entry *slots;
	size_t n_slots, n_entries; /* n_slots is a power of two */
	uint32_t
		room; /* of a linear directory: no block before this one has room for a long name */
	uint64_t used; /* clock of the last use */
};

#define EXT_N_DIRS 64
struct ext_dir_cache {
	struct ext_dir dirs[EXT_N_DIRS];
	uint64_t clock;
};

/* Loads the directory when needed.  Borrowed until the next call. */
struct ext_dir *ext_dir_get(struct ext *ext, uint64_t ino, struct error *err);
void ext_dir_forget(struct ext *ext, uint64_t ino);
void ext_dir_free_all(struct ext *ext);

struct ext_dir_entry *ext_dir_find(const struct ext_dir *dir, const char *name);
void ext_dir_note(struct ext_dir *dir, const char *name, size_t len, uint32_t ino, uint32_t block);
void ext_dir_strike(struct ext_dir *dir, struct ext_dir_entry *entry);

/* Calls back for every entry of one directory block, "." and ".." too, after checking that its
 * record fits the block.  `entry` gives the offset of each entry and of the one before it (or
 * UINT32_MAX). */
struct ext_dir_record {
	uint32_t ino;
	uint32_t offset, previous;
	uint32_t rec_len, name_len;
	const char *name; /* not terminated */
};
/* The record at `offset` of a block of `size` bytes.  -1: damaged. */
int ext_dir_record_at(const void *block, uint32_t size, uint32_t offset,
		      struct ext_dir_record *ret);

int ext_lookup(struct fs *fs, uint64_t dir, const char *name, uint64_t *ret_ino, struct error *err);
int ext_read_directory(struct fs *fs, uint64_t dir, fs_entry_callback *callback, void *opaque,
		       struct error *err);

/* ext_dir_write.c.  The name is free (add), or there (remove).  Neither touches link counts. */
int ext_dir_add(struct ext *ext, uint64_t dir, const char *name, uint32_t ino, mode_t mode,
		struct error *err);
int ext_dir_remove(struct ext *ext, uint64_t dir, const char *name, struct error *err);
/* Fills the first block of a new directory. */
int ext_dir_initialize(struct ext *ext, uint32_t ino, uint32_t parent, struct error *err);

#endif
