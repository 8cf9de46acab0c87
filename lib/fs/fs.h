/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One guest file system, behind one interface.  A back end (ext by libext2fs) fills struct fs_ops;
 * to add one, write it beside ext.c and name it in back_ends.c.  What no back end reads or writes,
 * an appliance may: copies.h.
 *
 * Nodes are named by inode number.  Names and targets are bytes without NUL, not text.  No call
 * follows a symlink; path resolution inside a guest is the business of tree.h.
 */
#ifndef COLDPATCH_FS_FS_H
#define COLDPATCH_FS_FS_H

#include <linux/fs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/memory.h"
#include "disk/block.h"

struct fs_time {
	int64_t sec;
	uint32_t nsec;
};

/* What stat(2) would say inside the guest. */
struct fs_stat {
	uint64_t ino;
	mode_t mode; /* type and permissions */
	uint32_t nlink;
	uint32_t uid, gid;
	uint64_t size;	 /* bytes; of a symlink: of its target */
	uint64_t blocks; /* of 512 bytes, allocated */
	uint32_t rdev_major, rdev_minor;
	struct fs_time mtime, ctime, atime, btime;
	uint32_t flags; /* of FS_FLAGS */
};

/* Of the FS_*_FL of linux/fs.h those that chattr(1) sets on ext4; not how content lies (extents,
 * index, inline).  Projects and case folding are not here: file systems with them are not written.
 */
#define FS_FLAGS                                                                                   \
	(FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL |    \
	 FS_NODUMP_FL | FS_NOATIME_FL | FS_JOURNAL_DATA_FL | FS_NOTAIL_FL | FS_DIRSYNC_FL |        \
	 FS_TOPDIR_FL | FS_DAX_FL)
/* The flags that Linux gives a new inode of this type in an ext directory with these flags. */
uint32_t fs_flags_inherited(uint32_t directory, mode_t mode);

struct fs_xattr {
	char *name;  /* full name: "user.x", "security.capability", "system.posix_acl_access" */
	void *value; /* as the system call would return it (ACLs: the version 2 xattr form, little
			endian) */
	size_t size;
};

struct fs_xattrs {
	struct fs_xattr *items; /* sorted by name */
	size_t n_items;
};
void fs_xattrs_free(struct fs_xattrs *xattrs);
bool fs_xattrs_equal(const struct fs_xattrs *a, const struct fs_xattrs *b);

/* What is known of a file system without mounting it. */
struct fs_info {
	const char *type; /* as mount(8) and blkid spell it: "ext4", "xfs", "vfat", "swap",
			     "LVM2_member", ... */
	char uuid[40];
	char *label;	/* or NULL */
	uint64_t size;	/* bytes, 0 when not known */
	bool readable;	/* some back end opens it */
	bool writable;	/* some back end writes it directly: state and every feature are on the
			   allowed list */
	bool copied;	/* an appliance reads and writes it (copies.h); then readable may be said
			   of a state that its journal would still change */
	char *why_not;	/* when not writable: the feature or state, in words */
	char *features; /* comma-separated, or NULL */
};
void fs_info_free(struct fs_info *info);

/* Looks at a block device.  *ret_info->type is NULL when nothing is recognised. */
int fs_probe(struct block *block, struct fs_info *ret, struct error *err);

struct fs;

/* Opens for reading.  Refused by name when no back end reads it (ERROR_IMAGE). `block` must outlive
 * it. */
struct fs *fs_open(struct block *block, struct error *err);
/* Opens for writing: only if fs_info.writable, else ERROR_IMAGE with why_not. */
struct fs *fs_open_writable(struct block *block, struct error *err);
/* Drops what was not flushed. */
void fs_free(struct fs *fs);
DEFINE_CLEANUP(struct fs, fs_free)

/* What a file system for firmware (vfat) keeps less of than others.  Everything in it is root's;
 * there are neither links nor devices, attributes nor flags, and not all names
 * (fs/limited_names.h); those that differ by case alone are one. */
struct fs_limits {
	mode_t permissions;	  /* that everything has */
	unsigned seconds;	  /* times are multiples of it; the root has none */
	int64_t earliest, latest; /* that a time may be, seconds since the epoch, such multiples */
};
/* NULL: it keeps all. */
const struct fs_limits *fs_limits(const struct fs *fs);

/* Is it read from a copy that was made of it?  Then inode numbers and allocated blocks say nothing
 * about the real one. */
bool fs_is_copy(const struct fs *fs);
uint64_t fs_root(const struct fs *fs);
int fs_stat(struct fs *fs, uint64_t ino, struct fs_stat *ret, struct error *err);
/* *ret_ino is 0 when there is no such name. */
int fs_lookup(struct fs *fs, uint64_t dir, const char *name, uint64_t *ret_ino, struct error *err);
/* "." and ".." are left out.  The callback returns 0 to go on, -1 (with *err made) to stop. */
typedef int fs_entry_callback(void *opaque, const char *name, uint64_t ino, struct error *err);
int fs_read_directory(struct fs *fs, uint64_t dir, fs_entry_callback *callback, void *opaque,
		      struct error *err);
/* Allocated, NUL-terminated. */
char *fs_read_link(struct fs *fs, uint64_t ino, struct error *err);
/* Reads up to len bytes; the number read (0 at the end) or -1.  Holes read as zeros. */
ssize_t fs_read(struct fs *fs, uint64_t ino, void *buf, size_t len, uint64_t offset,
		struct error *err);
/* The next extent of data at or after offset: [*ret_start, *ret_end), *ret_start == size when only
 * a hole follows. Unwritten extents count as holes. */
int fs_next_data(struct fs *fs, uint64_t ino, uint64_t offset, uint64_t *ret_start,
		 uint64_t *ret_end, struct error *err);
int fs_read_xattrs(struct fs *fs, uint64_t ino, struct fs_xattrs *ret, struct error *err);

struct fs_space {
	uint64_t block_size; /* bytes */
	uint64_t free_bytes; /* as root sees it */
	uint64_t total_bytes;
	uint64_t free_inodes;
	uint64_t total_inodes;
};
int fs_space(struct fs *fs, struct fs_space *ret, struct error *err);

/*
 * Writing.  `meta` gives mode, owner, times, flags, rdev.  Directories get their times when the
 * caller sets them last, with fs_set_meta.  ENOSPC inside the guest file system is ERROR_IMAGE "...
 * is too small".
 */
/* A new regular file, empty, or directory, device, fifo, socket; linked under `name`, which must be
 * free. */
int fs_create(struct fs *fs, uint64_t dir, const char *name, const struct fs_stat *meta,
	      uint64_t *ret_ino, struct error *err);
int fs_create_link(struct fs *fs, uint64_t dir, const char *name, const char *target,
		   const struct fs_stat *meta, uint64_t *ret_ino, struct error *err);
/* Another name for an inode. */
int fs_link(struct fs *fs, uint64_t dir, const char *name, uint64_t ino, struct error *err);
/* Takes the name away; frees the inode with its last name.  A directory must be empty. */
int fs_unlink(struct fs *fs, uint64_t dir, const char *name, struct error *err);
/* Drops all content; size 0. */
int fs_truncate(struct fs *fs, uint64_t ino, struct error *err);
/* Appends in order: offset must be at or beyond the current end (a gap stays a hole). */
int fs_write(struct fs *fs, uint64_t ino, const void *buf, size_t len, uint64_t offset,
	     struct error *err);
/* The size in bytes, for a file that ends in a hole. */
int fs_set_size(struct fs *fs, uint64_t ino, uint64_t size, struct error *err);
/* Permissions, owner, times (ctime becomes now unless given), flags; never the type. */
int fs_set_meta(struct fs *fs, uint64_t ino, const struct fs_stat *meta, struct error *err);
/* Replaces them all. */
int fs_set_xattrs(struct fs *fs, uint64_t ino, const struct fs_xattrs *xattrs, struct error *err);
/* Writes everything to the block device and marks it clean. */
int fs_flush(struct fs *fs, struct error *err);

#endif
