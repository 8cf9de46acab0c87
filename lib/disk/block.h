/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A block device as the guest sees it: bytes at offsets, whatever image format lies below. */
#ifndef COLDPATCH_DISK_BLOCK_H
#define COLDPATCH_DISK_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

struct block;

/* Size in bytes. */
uint64_t block_size(const struct block *block);
/* All of it or an error (ERROR_IO); reading beyond the end is ERROR_IMAGE. */
int block_read(struct block *block, void *buf, size_t len, uint64_t offset, struct error *err);
/* May be queued; an error of a queued write is reported by the next call, at the latest by
 * block_flush. */
int block_write(struct block *block, const void *buf, size_t len, uint64_t offset,
		struct error *err);
/* Waits for queued writes and flushes the image's own file. */
int block_flush(struct block *block, struct error *err);
/* A window onto `parent` (a partition, a volume), which must outlive it. */
struct block *block_slice(struct block *parent, uint64_t offset, uint64_t size, struct error *err);
/* Pieces of devices, which must outlive it, one behind the other: a volume over several places. */
struct block_piece {
	struct block *parent;
	uint64_t offset, size;
};
struct block *block_join(const struct block_piece *pieces, size_t n_pieces, struct error *err);
/* A regular file as it is, read-only: for scratch disks of our own and for tests.  An image of the
 * user's goes through image_open. */
struct block *block_open_file(const char *path, struct error *err);
/* Freeing does not flush. */
void block_free(struct block *block);
DEFINE_CLEANUP(struct block, block_free)

#endif
