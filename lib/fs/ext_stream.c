/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fs/ext_stream.h"

#include <string.h>

#define PIECE_SIZE (1u << 20)

struct ext_stream {
	struct block *block;
	uint64_t offset; /* of what is not written yet */
	size_t len;	 /* within one piece */
	uint8_t *data;	 /* PIECE_SIZE */
};

struct ext_stream *ext_stream_new(struct block *block)
{
	struct ext_stream *stream = xcalloc(1, sizeof *stream);

	stream->block = block;
	return stream;
}

void ext_stream_free(struct ext_stream *stream)
{
	if (!stream)
		return;
	free(stream->data);
	free(stream);
}

bool ext_stream_continues(const struct ext_stream *stream, uint64_t offset)
{
	return stream->len && stream->offset + stream->len == offset;
}

int ext_stream_flush(struct ext_stream *stream, struct error *err)
{
	size_t len = stream->len;

	stream->len = 0;
	if (!len)
		return 0;
	return block_write(stream->block, stream->data, len, stream->offset, err);
}

int ext_stream_settle(struct ext_stream *stream, size_t len, uint64_t offset, struct error *err)
{
	if (offset >= stream->offset + stream->len || stream->offset >= offset + len)
		return 0;
	return ext_stream_flush(stream, err);
}

/* Up to the end of the piece that `offset` lies in. */
static int take(struct ext_stream *stream, const uint8_t *from, size_t len, uint64_t offset,
		struct error *err)
{
	if (len == PIECE_SIZE)
		return block_write(stream->block, from, len, offset, err);
	if (!stream->len)
		stream->offset = offset;
	memcpy(stream->data + stream->len, from, len);
	stream->len += len;
	return (offset + len) % PIECE_SIZE == 0 ? ext_stream_flush(stream, err) : 0;
}

int ext_stream_write(struct ext_stream *stream, const void *buf, size_t len, uint64_t offset,
		     struct error *err)
{
	const uint8_t *from = buf;

	if (!ext_stream_continues(stream, offset) && ext_stream_flush(stream, err) < 0)
		return -1;
	if (!stream->data)
		stream->data = xmalloc(PIECE_SIZE);
	while (len) {
		size_t left = PIECE_SIZE - offset % PIECE_SIZE;
		size_t n = len < left ? len : left;

		if (take(stream, from, n, offset, err) < 0)
			return -1;
		from += n;
		offset += n;
		len -= n;
	}
	return 0;
}
