/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a back end gives to fs.c.  Every function has the contract of its namesake in fs.h. */
#ifndef COLDPATCH_FS_FS_OPS_H
#define COLDPATCH_FS_FS_OPS_H

#include "fs/fs.h"
#include "fs/type.h"

struct fs_ops {
	const struct fs_type *types; /* that `probe` may find; ends with one without a name */
	/* Fills *ret when the device is this back end's: returns 1; 0 when it is not. */
	int (*probe)(struct block *block, struct fs_info *ret, struct error *err);
	struct fs *(*open)(struct block *block, bool writable, struct error *err);
	void (*free)(struct fs *fs);

	/* NULL: there are none. */
	const struct fs_limits *(*limits)(const struct fs *fs);
	uint64_t (*root)(const struct fs *fs);
	int (*stat)(struct fs *fs, uint64_t ino, struct fs_stat *ret, struct error *err);
	int (*lookup)(struct fs *fs, uint64_t dir, const char *name, uint64_t *ret_ino,
		      struct error *err);
	int (*read_directory)(struct fs *fs, uint64_t dir, fs_entry_callback *callback,
			      void *opaque, struct error *err);
	char *(*read_link)(struct fs *fs, uint64_t ino, struct error *err);
	ssize_t (*read)(struct fs *fs, uint64_t ino, void *buf, size_t len, uint64_t offset,
			struct error *err);
	int (*next_data)(struct fs *fs, uint64_t ino, uint64_t offset, uint64_t *ret_start,
			 uint64_t *ret_end, struct error *err);
	int (*read_xattrs)(struct fs *fs, uint64_t ino, struct fs_xattrs *ret, struct error *err);
	int (*space)(struct fs *fs, struct fs_space *ret, struct error *err);

	int (*create)(struct fs *fs, uint64_t dir, const char *name, const struct fs_stat *meta,
		      uint64_t *ret_ino, struct error *err);
	int (*create_link)(struct fs *fs, uint64_t dir, const char *name, const char *target,
			   const struct fs_stat *meta, uint64_t *ret_ino, struct error *err);
	int (*link)(struct fs *fs, uint64_t dir, const char *name, uint64_t ino, struct error *err);
	int (*unlink)(struct fs *fs, uint64_t dir, const char *name, struct error *err);
	int (*truncate)(struct fs *fs, uint64_t ino, struct error *err);
	int (*write)(struct fs *fs, uint64_t ino, const void *buf, size_t len, uint64_t offset,
		     struct error *err);
	int (*set_size)(struct fs *fs, uint64_t ino, uint64_t size, struct error *err);
	int (*set_meta)(struct fs *fs, uint64_t ino, const struct fs_stat *meta, struct error *err);
	int (*set_xattrs)(struct fs *fs, uint64_t ino, const struct fs_xattrs *xattrs,
			  struct error *err);
	int (*flush)(struct fs *fs, struct error *err);
};

/* The first member of a back end's own struct. */
struct fs {
	const struct fs_ops *ops;
	bool writable;
};

extern const struct fs_ops ext_ops;

/* All that there are; NULL-terminated.  Asked in this order. */
extern const struct fs_ops *const fs_back_ends[];

/* Recognises what no back end reads, by its superblock: type, uuid, label.  Leaves ret->type NULL
 * otherwise. */
int probe_superblock(struct block *block, struct fs_info *ret, struct error *err);
/* 16 bytes as "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx". */
void probe_format_uuid(const uint8_t bytes[static 16], char ret[static 40]);
/* Up to `len` bytes, NUL or blanks at the end cut off; NULL when nothing is left. */
char *probe_label(const void *bytes, size_t len);

#endif
