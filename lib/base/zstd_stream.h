/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zstandard streams (RFC 8878) to and from a file descriptor, in bounded memory.  Equal input gives
 * equal bytes only with the same libzstd; what has to be named by digest is digested before it
 * comes here.
 */
#ifndef COLDPATCH_BASE_ZSTD_STREAM_H
#define COLDPATCH_BASE_ZSTD_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

struct zstd_writer;

/* Level 3, two worker threads, content checksum.  `fd` is borrowed. */
struct zstd_writer *zstd_writer_new(int fd, struct error *err);
int zstd_writer_write(struct zstd_writer *writer, const void *data, size_t len, struct error *err);
/* Ends the frame; everything is in the file then, but not synced. */
int zstd_writer_finish(struct zstd_writer *writer, uint64_t *ret_bytes, struct error *err);
void zstd_writer_free(struct zstd_writer *writer);
DEFINE_CLEANUP(struct zstd_writer, zstd_writer_free)

struct zstd_reader;

/* Reads from the descriptor's current position.  `fd` is borrowed. */
struct zstd_reader *zstd_reader_new(int fd, struct error *err);
/* Up to len bytes; the number read, 0 at the end of the stream, or -1: ERROR_IO when reading fails,
 * ERROR_TRUST when the bytes are no complete stream or want more than 8 MiB of window. */
ssize_t zstd_reader_read(struct zstd_reader *reader, void *data, size_t len, struct error *err);
void zstd_reader_free(struct zstd_reader *reader);
DEFINE_CLEANUP(struct zstd_reader, zstd_reader_free)

#endif
