/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The io_manager that libext2fs reads and writes through: a cache of 64 KiB lines over a block
 * device, with read-ahead (a line is read at once) and write-back (dirty lines go out sorted and
 * joined).
 */
#ifndef COLDPATCH_FS_EXT_IO_H
#define COLDPATCH_FS_EXT_IO_H

#include <et/com_err.h>
#include <ext2fs/ext2fs.h>

#include "disk/block.h"

struct ext_io;

/* `block` is borrowed and must outlive it. */
struct ext_io *ext_io_new(struct block *block);
/* Drops what is dirty. */
void ext_io_free(struct ext_io *io);

/* What to give to ext2fs_open2: the manager, and the device name that leads it to `io`.  The
 * channels it opens borrow `io`. */
extern io_manager ext_io_manager;
void ext_io_name(const struct ext_io *io, char *ret, size_t size);

/* Bytes of file content; whole blocks where it is written.  Long ones, and those written behind
 * what was written before, go past the cache, which stays coherent. */
int ext_io_read(struct ext_io *io, void *buf, size_t len, uint64_t offset, struct error *err);
int ext_io_write(struct ext_io *io, const void *buf, size_t len, uint64_t offset,
		 struct error *err);
/* Writes all that is dirty. */
int ext_io_flush(struct ext_io *io, struct error *err);
/* Makes the device keep what was written. */
int ext_io_sync(struct ext_io *io, struct error *err);

/* The error behind the last errcode_t that a channel of `io` returned; kind ERROR_NONE when it had
 * none. */
const struct error *ext_io_error(const struct ext_io *io);

#endif
