/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the ext back end share.  Nothing outside ext*.c includes it. */
#ifndef COLDPATCH_FS_EXT_H
#define COLDPATCH_FS_EXT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "fs/ext_dir.h"
#include "fs/ext_io.h"
#include "fs/fs_ops.h"

/* Every inode in memory has its whole on-disk size; the fixed part is the struct. */
#define EXT_MAX_INODE_SIZE 4096
union ext_inode {
	struct ext2_inode_large large;
	struct ext2_inode small;
	uint8_t bytes[EXT_MAX_INODE_SIZE];
};

/* Blocks that follow each other in the file and on the device. */
struct ext_run {
	uint64_t lblk, pblk, len;
	bool unwritten;
};

/* Where an inode's data lies; sorted by lblk, no overlap, adjacent runs joined. */
struct ext_map {
	uint32_t ino; /* 0: empty slot */
	struct ext_run *runs;
	size_t n_runs;
};

#define EXT_N_MAPS 8

/* Data appended to one file and not allocated yet: `base` is the offset of data[0], a multiple of
 * the block size. */
struct ext_pending {
	uint32_t ino; /* 0: none */
	uint64_t base;
	size_t len;
	uint8_t *data;
};

struct ext {
	struct fs base;
	ext2_filsys fs;
	struct ext_io *io;
	struct ext_map maps[EXT_N_MAPS];
	unsigned next_map;
	struct ext_dir_cache dirs;
	struct ext_pending pending;
	blk64_t goal; /* where the last file ended */
};

static inline struct ext *ext_of(struct fs *fs)
{
	return (struct ext *)fs;
}

/* Makes the error of a libext2fs call: "CONTEXT: TEXT"; out of blocks or inodes is ERROR_IMAGE "...
 * is too small"; a failed read or write of the device keeps its own kind.  Returns -1. */
int ext_fail(struct ext *ext, struct error *err, errcode_t code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* ERROR_IMAGE "inode N: WHAT; run e2fsck on it".  Returns -1. */
int ext_damaged(struct error *err, uint64_t ino, const char *what);

/* ext_features.c */
/* The state and features of a superblock that were not damaged: readable, writable, why_not,
 * features, type. */
void ext_features_judge(const struct ext2_super_block *super, struct fs_info *ret);

/* ext_inode.c */
int ext_inode_read(struct ext *ext, uint64_t ino, union ext_inode *ret, struct error *err);
int ext_inode_write(struct ext *ext, uint64_t ino, const union ext_inode *inode, struct error *err);
void ext_inode_to_stat(struct ext *ext, uint64_t ino, const union ext_inode *inode,
		       struct fs_stat *ret);
void ext_inode_set_meta(struct ext *ext, union ext_inode *inode, const struct fs_stat *meta);
void ext_inode_set_btime(struct ext *ext, union ext_inode *inode, const struct fs_time *btime);
int ext_stat(struct fs *fs, uint64_t ino, struct fs_stat *ret, struct error *err);
int ext_set_meta(struct fs *fs, uint64_t ino, const struct fs_stat *meta, struct error *err);

/* ext_map.c */
/* Borrowed until the next call for another inode, or a write. */
int ext_map_get(struct ext *ext, uint64_t ino, const union ext_inode *inode,
		const struct ext_map **ret, struct error *err);
void ext_map_forget(struct ext *ext, uint64_t ino);
void ext_map_free_all(struct ext *ext);
/* The first run that ends beyond lblk, or NULL. */
const struct ext_run *ext_map_find(const struct ext_map *map, uint64_t lblk);

/* ext_read.c */
ssize_t ext_read(struct fs *fs, uint64_t ino, void *buf, size_t len, uint64_t offset,
		 struct error *err);
/* The bytes of an inode of any type, from its blocks; the caller has bounded len by the size. */
int ext_read_content(struct ext *ext, uint64_t ino, const union ext_inode *inode, void *buf,
		     size_t len, uint64_t offset, struct error *err);
char *ext_read_link(struct fs *fs, uint64_t ino, struct error *err);
int ext_next_data(struct fs *fs, uint64_t ino, uint64_t offset, uint64_t *ret_start,
		  uint64_t *ret_end, struct error *err);
bool ext_is_fast_link(const union ext_inode *inode);

/* ext_alloc.c */
int ext_inode_allocate(struct ext *ext, uint64_t dir, const struct fs_stat *meta, uint64_t *ret_ino,
		       union ext_inode *ret, struct error *err);
/* Gives an inode without names back, with its blocks and attributes. */
int ext_inode_release(struct ext *ext, uint64_t ino, struct error *err);
/* Drops the content of a file; the inode is written. */
int ext_content_drop(struct ext *ext, uint64_t ino, union ext_inode *inode, struct error *err);
/* Makes blocks [lblk, lblk + n) at the end of a file; the inode is written.  The map is current
 * afterwards. */
int ext_blocks_append(struct ext *ext, uint64_t ino, union ext_inode *inode, uint64_t lblk,
		      uint64_t n, struct error *err);

/* ext_write.c */
int ext_truncate(struct fs *fs, uint64_t ino, struct error *err);
int ext_write(struct fs *fs, uint64_t ino, const void *buf, size_t len, uint64_t offset,
	      struct error *err);
int ext_set_size(struct fs *fs, uint64_t ino, uint64_t size, struct error *err);
/* Everything that looks at an inode in another way than appending to it calls this first. */
int ext_pending_settle(struct ext *ext, struct error *err);

/* ext_node.c */
int ext_create(struct fs *fs, uint64_t dir, const char *name, const struct fs_stat *meta,
	       uint64_t *ret_ino, struct error *err);
int ext_create_link(struct fs *fs, uint64_t dir, const char *name, const char *target,
		    const struct fs_stat *meta, uint64_t *ret_ino, struct error *err);
int ext_link(struct fs *fs, uint64_t dir, const char *name, uint64_t ino, struct error *err);
int ext_unlink(struct fs *fs, uint64_t dir, const char *name, struct error *err);

/* ext_xattr.c */
/* One entry as it lies on the disk. */
struct ext_xattr_entry {
	uint8_t name_index;
	char name[256]; /* without its prefix */
	uint32_t value_ino;
	uint32_t value_size;
	const uint8_t *value; /* NULL when it lies in an inode of its own or is empty */
};
/* Where the entries of an inode lie. */
struct ext_xattr_area {
	const uint8_t *entries;
	size_t size;	     /* bytes from `entries` to the end of the area */
	const uint8_t *base; /* what value offsets count from */
};
bool ext_xattr_inode_area(struct ext *ext, const union ext_inode *inode,
			  struct ext_xattr_area *ret);
/* Reads the block of an inode into `buf` (one file-system block); *ret->entries is NULL when it has
 * none. */
int ext_xattr_block_area(struct ext *ext, uint64_t ino, const union ext_inode *inode, void *buf,
			 struct ext_xattr_area *ret, struct error *err);
typedef int ext_xattr_callback(void *opaque, const struct ext_xattr_entry *entry,
			       struct error *err);
int ext_xattr_each(uint64_t ino, const struct ext_xattr_area *area, ext_xattr_callback *callback,
		   void *opaque, struct error *err);
/* "system.data", the tail of a file that lies in its inode, is no attribute of the file. */
bool ext_xattr_is_data(const struct ext_xattr_entry *entry);
int ext_read_xattrs(struct fs *fs, uint64_t ino, struct fs_xattrs *ret, struct error *err);

/* ext_xattr_write.c */
/* Takes all attributes off; the inode is written. */
int ext_xattrs_drop(struct ext *ext, uint64_t ino, union ext_inode *inode, struct error *err);
int ext_set_xattrs(struct fs *fs, uint64_t ino, const struct fs_xattrs *xattrs, struct error *err);

/* ext_acl.c: the compact form of the disk (version 1) and the form of the system call (version 2).
 * Allocated; NULL when it is malformed. */
bool ext_acl_is_name(const char *name);
void *ext_acl_from_disk(const void *disk, size_t size, size_t *ret_size);
void *ext_acl_to_disk(const void *value, size_t size, size_t *ret_size);

#endif
