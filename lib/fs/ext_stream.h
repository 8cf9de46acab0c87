/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File content on its way to the device.  Files are allocated one behind the other, so what is
 * written continues what was written before; it is gathered here into long pieces that end at
 * multiples of their size.  An overlay whose clusters are written whole need not read, nor copy,
 * what its parent has there.
 */
#ifndef COLDPATCH_FS_EXT_STREAM_H
#define COLDPATCH_FS_EXT_STREAM_H

#include "disk/block.h"

struct ext_stream;

/* `block` is borrowed. */
struct ext_stream *ext_stream_new(struct block *block);
/* Drops what is not written yet. */
void ext_stream_free(struct ext_stream *stream);

/* Does `offset` follow what is not written yet? */
bool ext_stream_continues(const struct ext_stream *stream, uint64_t offset);
/* What does not continue it begins anew there. */
int ext_stream_write(struct ext_stream *stream, const void *buf, size_t len, uint64_t offset,
		     struct error *err);
/* To be called before the device is read, or written to by others, in a range. */
int ext_stream_settle(struct ext_stream *stream, size_t len, uint64_t offset, struct error *err);
/* Writes all that it has. */
int ext_stream_flush(struct ext_stream *stream, struct error *err);

#endif
