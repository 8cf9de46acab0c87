/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache.  A line is 64 KiB of the device, cut into 64 sectors of 1 KiB (the smallest ext
 * block), so that one uint64_t says which sectors are valid and another which are dirty.  dirty is
 * a subset of valid.  A whole block that is written needs no read first; a sector that is asked for
 * and not valid makes the line be read, and only the sectors that were not valid are taken from it.
 *
 * Lines are found by a hash table with chains and aged by a clock hand.  When too many are dirty,
 * all of them are written in order of offset and stay in the cache clean, so a victim is always
 * clean.
 *
 * Beside it goes the stream of file content (ext_stream.h).  No byte is in both: what enters the
 * stream is forgotten by the cache, and the stream is written before the cache reads or writes
 * there.
 */
#include "fs/ext_io.h"

#include <stdio.h>
#include <string.h>

#include "fs/ext_stream.h"

#define LINE_SIZE    65536u
#define SECTOR_SIZE  1024u
#define LINE_SECTORS (LINE_SIZE / SECTOR_SIZE)
#define N_LINES	     640u /* 40 MiB */
#define MAX_DIRTY    320u
#define N_BUCKETS    1024u
#define NO_LINE	     UINT32_MAX
#define JOINED_SIZE  (1024u * 1024u)

struct line {
	uint64_t index; /* offset / LINE_SIZE */
	uint64_t valid, dirty;
	uint32_t next; /* in its bucket */
	bool used;     /* since the hand passed */
	uint8_t *data;
};

struct ext_io {
	struct block *block;
	struct line lines[N_LINES];
	uint32_t buckets[N_BUCKETS];
	uint32_t n_lines, n_dirty, hand;
	uint8_t *scratch; /* JOINED_SIZE */
	struct ext_stream *stream;
	struct error error;
};

struct ext_io *ext_io_new(struct block *block)
{
	struct ext_io *io = xcalloc(1, sizeof *io);

	io->block = block;
	io->scratch = xmalloc(JOINED_SIZE);
	io->stream = ext_stream_new(block);
	for (uint32_t i = 0; i < N_BUCKETS; i++)
		io->buckets[i] = NO_LINE;
	return io;
}

void ext_io_free(struct ext_io *io)
{
	if (!io)
		return;
	for (uint32_t i = 0; i < io->n_lines; i++)
		free(io->lines[i].data);
	ext_stream_free(io->stream);
	free(io->scratch);
	free(io);
}

const struct error *ext_io_error(const struct ext_io *io)
{
	return &io->error;
}

static uint32_t *bucket_of(struct ext_io *io, uint64_t index)
{
	return &io->buckets[(index * 0x9e3779b97f4a7c15u) >> 54];
}

static struct line *line_find(struct ext_io *io, uint64_t index)
{
	for (uint32_t i = *bucket_of(io, index); i != NO_LINE; i = io->lines[i].next)
		if (io->lines[i].index == index)
			return &io->lines[i];
	return NULL;
}

static void line_unhash(struct ext_io *io, const struct line *line)
{
	uint32_t number = (uint32_t)(line - io->lines);
	uint32_t *link = bucket_of(io, line->index);

	while (*link != number)
		link = &io->lines[*link].next;
	*link = line->next;
}

/* Some line is clean: line_mark_dirty keeps their number below N_LINES. */
static struct line *line_victim(struct ext_io *io)
{
	for (;;) {
		struct line *line = &io->lines[io->hand];

		io->hand = (io->hand + 1) % N_LINES;
		if (line->dirty)
			continue;
		if (!line->used)
			return line;
		line->used = false;
	}
}

static struct line *line_get(struct ext_io *io, uint64_t index)
{
	struct line *line = line_find(io, index);
	uint32_t *bucket;

	if (line) {
		line->used = true;
		return line;
	}
	if (io->n_lines < N_LINES) {
		line = &io->lines[io->n_lines++];
		line->data = xmalloc(LINE_SIZE);
	} else {
		line = line_victim(io);
		line_unhash(io, line);
	}
	bucket = bucket_of(io, index);
	line->index = index;
	line->valid = line->dirty = 0;
	line->used = true;
	line->next = *bucket;
	*bucket = (uint32_t)(line - io->lines);
	return line;
}

/* Bits of the sectors that [start, end) of a line touches. */
static uint64_t sector_mask(uint32_t start, uint32_t end)
{
	uint32_t first = start / SECTOR_SIZE, last = (end - 1) / SECTOR_SIZE;
	uint64_t up_to = last == LINE_SECTORS - 1 ? UINT64_MAX : ((uint64_t)1 << (last + 1)) - 1;

	return up_to & ~(((uint64_t)1 << first) - 1);
}

static uint32_t line_length(const struct ext_io *io, uint64_t index)
{
	uint64_t size = block_size(io->block), start = index * LINE_SIZE;

	if (start >= size)
		return 0;
	return size - start < LINE_SIZE ? (uint32_t)(size - start) : LINE_SIZE;
}

static int line_fill(struct ext_io *io, struct line *line, struct error *err)
{
	uint32_t len = line_length(io, line->index);
	uint8_t *data = line->valid ? io->scratch : line->data;

	if (len && (ext_stream_settle(io->stream, len, line->index * LINE_SIZE, err) < 0 ||
		    block_read(io->block, data, len, line->index * LINE_SIZE, err) < 0))
		return -1;
	memset(data + len, 0, LINE_SIZE - len);
	for (uint32_t i = 0; line->valid && i < LINE_SECTORS; i++)
		if (!(line->valid & ((uint64_t)1 << i)))
			memcpy(line->data + i * SECTOR_SIZE, data + i * SECTOR_SIZE, SECTOR_SIZE);
	line->valid = UINT64_MAX;
	return 0;
}

/* A stretch of dirty bytes that grows while lines follow each other. */
struct stretch {
	uint64_t offset;
	uint32_t len;
};

static int stretch_write(struct ext_io *io, struct stretch *stretch, struct error *err)
{
	uint32_t len = stretch->len;

	stretch->len = 0;
	if (!len)
		return 0;
	return block_write(io->block, io->scratch, len, stretch->offset, err);
}

static int stretch_add(struct ext_io *io, struct stretch *stretch, const struct line *line,
		       uint32_t sector, struct error *err)
{
	uint64_t offset = line->index * LINE_SIZE + sector * SECTOR_SIZE;

	if (stretch->len == JOINED_SIZE || stretch->offset + stretch->len != offset) {
		if (stretch_write(io, stretch, err) < 0)
			return -1;
		stretch->offset = offset;
	}
	memcpy(io->scratch + stretch->len, line->data + sector * SECTOR_SIZE, SECTOR_SIZE);
	stretch->len += SECTOR_SIZE;
	return 0;
}

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;

	return (x->index > y->index) - (x->index < y->index);
}

static int write_lines(struct ext_io *io, struct line **lines, size_t n, struct error *err)
{
	struct stretch stretch = {0};

	qsort(lines, n, sizeof *lines, compare_lines);
	for (size_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < LINE_SECTORS; j++)
			if ((lines[i]->dirty & ((uint64_t)1 << j)) &&
			    stretch_add(io, &stretch, lines[i], j, err) < 0)
				return -1;
	if (stretch_write(io, &stretch, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		lines[i]->dirty = 0;
	io->n_dirty -= (uint32_t)n;
	return 0;
}

static int flush_lines(struct ext_io *io, struct error *err)
{
	struct line *dirty[N_LINES];
	size_t n = 0;

	for (uint32_t i = 0; i < io->n_lines; i++)
		if (io->lines[i].dirty)
			dirty[n++] = &io->lines[i];
	return write_lines(io, dirty, n, err);
}

int ext_io_flush(struct ext_io *io, struct error *err)
{
	if (ext_stream_flush(io->stream, err) < 0)
		return -1;
	return flush_lines(io, err);
}

int ext_io_sync(struct ext_io *io, struct error *err)
{
	return block_flush(io->block, err);
}

static int line_mark_dirty(struct ext_io *io, struct line *line, uint64_t mask, struct error *err)
{
	if (!line->dirty)
		io->n_dirty++;
	line->dirty |= mask;
	line->valid |= mask;
	if (io->n_dirty > MAX_DIRTY)
		return flush_lines(io, err);
	return 0;
}

static void line_forget(struct ext_io *io, struct line *line, uint64_t mask)
{
	if (line->dirty && !(line->dirty & ~mask))
		io->n_dirty--;
	line->dirty &= ~mask;
	line->valid &= ~mask;
}

static int check_range(const struct ext_io *io, size_t len, uint64_t offset, struct error *err)
{
	uint64_t end;

	if (__builtin_add_overflow(offset, len, &end) || end > block_size(io->block))
		return error_set(err, ERROR_IMAGE,
				 "block at byte %llu lies beyond the end of the device",
				 (unsigned long long)offset);
	return 0;
}

static int cached_read(struct ext_io *io, uint8_t *buf, size_t len, uint64_t offset,
		       struct error *err)
{
	while (len) {
		struct line *line = line_get(io, offset / LINE_SIZE);
		uint32_t start = offset % LINE_SIZE;
		uint32_t n = len < LINE_SIZE - start ? (uint32_t)len : LINE_SIZE - start;

		if ((sector_mask(start, start + n) & ~line->valid) && line_fill(io, line, err) < 0)
			return -1;
		memcpy(buf, line->data + start, n);
		buf += n;
		offset += n;
		len -= n;
	}
	return 0;
}

static int cached_write(struct ext_io *io, const uint8_t *buf, size_t len, uint64_t offset,
			struct error *err)
{
	if (ext_stream_settle(io->stream, len, offset, err) < 0)
		return -1;
	while (len) {
		struct line *line = line_get(io, offset / LINE_SIZE);
		uint32_t start = offset % LINE_SIZE;
		uint32_t n = len < LINE_SIZE - start ? (uint32_t)len : LINE_SIZE - start;
		uint64_t mask = sector_mask(start, start + n);

		if ((start | n) % SECTOR_SIZE && (mask & ~line->valid) &&
		    line_fill(io, line, err) < 0)
			return -1;
		memcpy(line->data + start, buf, n);
		if (line_mark_dirty(io, line, mask, err) < 0)
			return -1;
		buf += n;
		offset += n;
		len -= n;
	}
	return 0;
}

/* What is dirty in the range goes out, so that the device can be read past the cache. */
static int settle_range(struct ext_io *io, size_t len, uint64_t offset, struct error *err)
{
	uint64_t last = (offset + len - 1) / LINE_SIZE;

	for (uint64_t index = offset / LINE_SIZE; io->n_dirty && index <= last; index++) {
		struct line *line = line_find(io, index);

		if (line && line->dirty && write_lines(io, &line, 1, err) < 0)
			return -1;
	}
	return ext_stream_settle(io->stream, len, offset, err);
}

/* The cache forgets the range, which is about to be written past it; it is whole sectors. */
static void forget_range(struct ext_io *io, size_t len, uint64_t offset)
{
	uint64_t end = offset + len;

	while (offset < end) {
		uint32_t start = offset % LINE_SIZE;
		uint32_t n = end - offset < LINE_SIZE - start ? (uint32_t)(end - offset)
							      : LINE_SIZE - start;
		struct line *line = line_find(io, offset / LINE_SIZE);

		if (line)
			line_forget(io, line, sector_mask(start, start + n));
		offset += n;
	}
}

int ext_io_read(struct ext_io *io, void *buf, size_t len, uint64_t offset, struct error *err)
{
	if (!len)
		return 0;
	if (check_range(io, len, offset, err) < 0)
		return -1;
	if (len < LINE_SIZE)
		return cached_read(io, buf, len, offset, err);
	if (settle_range(io, len, offset, err) < 0)
		return -1;
	return block_read(io->block, buf, len, offset, err);
}

int ext_io_write(struct ext_io *io, const void *buf, size_t len, uint64_t offset, struct error *err)
{
	if (!len)
		return 0;
	if (check_range(io, len, offset, err) < 0)
		return -1;
	if (len < LINE_SIZE && !ext_stream_continues(io->stream, offset))
		return cached_write(io, buf, len, offset, err);
	forget_range(io, len, offset);
	return ext_stream_write(io->stream, buf, len, offset, err);
}

/*
 * The io_manager.  libext2fs names a device by a string and offers no other way to hand something
 * to `open`, so the string is the address of the ext_io; only ext_io_name makes such strings.
 */
void ext_io_name(const struct ext_io *io, char *ret, size_t size)
{
	snprintf(ret, size, "%p", (const void *)io);
}

static struct ext_io *channel_io(io_channel channel)
{
	return channel->private_data;
}

static errcode_t channel_open(const char *name, int flags, io_channel *ret)
{
	io_channel channel;
	void *io;

	(void)flags;
	if (sscanf(name, "%p", &io) != 1)
		return EXT2_ET_BAD_DEVICE_NAME;
	channel = calloc(1, sizeof *channel);
	if (!channel)
		return EXT2_ET_NO_MEMORY;
	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = ext_io_manager;
	channel->block_size = 1024;
	channel->refcount = 1;
	channel->private_data = io;
	*ret = channel;
	return 0;
}

static errcode_t channel_close(io_channel channel)
{
	if (--channel->refcount == 0)
		free(channel);
	return 0;
}

static errcode_t channel_set_blksize(io_channel channel, int size)
{
	channel->block_size = size;
	return 0;
}

/* libext2fs: a negative count is bytes, a positive one blocks. */
static int channel_range(io_channel channel, unsigned long long number, int count, size_t *ret_len,
			 uint64_t *ret_offset)
{
	*ret_len = count < 0 ? (size_t) - (long)count : (size_t)count * (size_t)channel->block_size;
	return __builtin_mul_overflow(number, (uint64_t)channel->block_size, ret_offset) ? -1 : 0;
}

static errcode_t channel_read(io_channel channel, unsigned long long number, int count, void *data)
{
	struct ext_io *io = channel_io(channel);
	uint64_t offset;
	size_t len;

	if (channel_range(channel, number, count, &len, &offset) < 0)
		return EXT2_ET_BAD_BLOCK_NUM;
	if (check_range(io, len, offset, &io->error) < 0 ||
	    cached_read(io, data, len, offset, &io->error) < 0)
		return EXT2_ET_SHORT_READ;
	return 0;
}

static errcode_t channel_write(io_channel channel, unsigned long long number, int count,
			       const void *data)
{
	struct ext_io *io = channel_io(channel);
	uint64_t offset;
	size_t len;

	if (channel_range(channel, number, count, &len, &offset) < 0)
		return EXT2_ET_BAD_BLOCK_NUM;
	if (check_range(io, len, offset, &io->error) < 0 ||
	    cached_write(io, data, len, offset, &io->error) < 0)
		return EXT2_ET_SHORT_WRITE;
	return 0;
}

static errcode_t channel_read32(io_channel channel, unsigned long number, int count, void *data)
{
	return channel_read(channel, number, count, data);
}

static errcode_t channel_write32(io_channel channel, unsigned long number, int count,
				 const void *data)
{
	return channel_write(channel, number, count, data);
}

static errcode_t channel_flush(io_channel channel)
{
	struct ext_io *io = channel_io(channel);

	return ext_io_flush(io, &io->error) < 0 ? EXT2_ET_SHORT_WRITE : 0;
}

static struct struct_io_manager manager = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "coldpatch",
	.open = channel_open,
	.close = channel_close,
	.set_blksize = channel_set_blksize,
	.read_blk = channel_read32,
	.write_blk = channel_write32,
	.flush = channel_flush,
	.read_blk64 = channel_read,
	.write_blk64 = channel_write,
};

io_manager ext_io_manager = &manager;
