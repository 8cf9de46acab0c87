/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a kind of block device implements.  Private to lib/disk. */
#ifndef COLDPATCH_DISK_BLOCK_IMPL_H
#define COLDPATCH_DISK_BLOCK_IMPL_H

#include "disk/block.h"

/* A run of bytes of one kind. */
struct block_extent {
	uint64_t len;
	bool zero; /* reads as zeros, known without reading */
};

/* Ranges are inside the device when these are called.  NULL members: not writable; nothing is known
 * to be zero. */
struct block_ops {
	int (*read)(struct block *block, void *buf, size_t len, uint64_t offset, struct error *err);
	int (*write)(struct block *block, const void *buf, size_t len, uint64_t offset,
		     struct error *err);
	int (*flush)(struct block *block, struct error *err);
	int (*extent)(struct block *block, uint64_t offset, uint64_t len, struct block_extent *ret,
		      struct error *err);
	void (*free)(struct block *block);
};

/* First member of every kind. */
struct block {
	const struct block_ops *ops;
	uint64_t size;
};

/* ERROR_IMAGE when the range is not inside the device. */
int block_check_range(const struct block *block, uint64_t len, uint64_t offset, struct error *err);

/* What is at `offset`, for 1 to `len` bytes (ret->len).  `len` is not 0. */
int block_extent(struct block *block, uint64_t offset, uint64_t len, struct block_extent *ret,
		 struct error *err);

#endif
