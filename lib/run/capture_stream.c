/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/capture_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/file.h"
#include "run/capture_format.h"

enum { POLL_SLICE_MS = 100 };

int capture_malformed(const char *what, struct error *err)
{
	return error_set(err, ERROR_GUEST, "the runner's capture is malformed: %s", what);
}

/* Waits until fd can be read, or the caller wants to stop. */
static int wait_readable(struct capture_stream *stream, struct error *err)
{
	struct pollfd fd = {.fd = stream->fd, .events = POLLIN};

	for (;;) {
		if (monitor_check(stream->monitor, err) < 0)
			return -1;
		if (poll(&fd, 1, POLL_SLICE_MS) > 0)
			return 0;
	}
}

static int fill(struct capture_stream *stream, struct error *err)
{
	ssize_t n;

	do {
		if (wait_readable(stream, err) < 0)
			return -1;
		n = read(stream->fd, stream->buffer, CAPTURE_BUFFER_SIZE);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return error_os(err, ERROR_IO, errno, "read the capture");
	if (n == 0)
		return capture_malformed("it ends too early", err);
	stream->at = 0;
	stream->len = (size_t)n;
	return 0;
}

int capture_get(struct capture_stream *stream, void *data, size_t size, struct error *err)
{
	unsigned char *to = data;

	while (size > 0) {
		size_t n = stream->len - stream->at;

		if (n == 0) {
			if (fill(stream, err) < 0)
				return -1;
			continue;
		}
		if (n > size)
			n = size;
		memcpy(to, stream->buffer + stream->at, n);
		stream->at += n;
		to += n;
		size -= n;
	}
	return 0;
}

int capture_get_number(struct capture_stream *stream, size_t bytes, uint64_t *ret,
		       struct error *err)
{
	unsigned char raw[8];

	if (capture_get(stream, raw, bytes, err) < 0)
		return -1;
	*ret = 0;
	for (size_t i = 0; i < bytes; i++)
		*ret |= (uint64_t)raw[i] << (8 * i);
	return 0;
}

int capture_get_u32(struct capture_stream *stream, uint32_t *ret, struct error *err)
{
	uint64_t wide;

	if (capture_get_number(stream, 4, &wide, err) < 0)
		return -1;
	*ret = (uint32_t)wide;
	return 0;
}

int capture_get_bytes(struct capture_stream *stream, void **ret, size_t *ret_size,
		      struct error *err)
{
	CLEANUP_FREE char *bytes = NULL;
	uint32_t size;

	if (capture_get_u32(stream, &size, err) < 0)
		return -1;
	if (size > CAPTURE_STRING_LIMIT)
		return capture_malformed("a string is too long", err);
	bytes = xmalloc((size_t)size + 1);
	if (capture_get(stream, bytes, size, err) < 0)
		return -1;
	bytes[size] = '\0';
	*ret = steal(bytes);
	*ret_size = size;
	return 0;
}

int capture_get_text(struct capture_stream *stream, char **ret, struct error *err)
{
	void *bytes = NULL;
	size_t size = 0;

	if (capture_get_bytes(stream, &bytes, &size, err) < 0)
		return -1;
	if (strlen(bytes) != size) {
		free(bytes);
		return capture_malformed("a NUL in a string", err);
	}
	*ret = bytes;
	return 0;
}

static int write_spool(struct capture_stream *stream, const void *data, size_t len,
		       struct error *err)
{
	if (file_write_all(stream->spool, data, len, err) < 0)
		return error_prefix(err, "keep the captured content in %s", stream->spool_dir);
	return 0;
}

/* Pipe to file without passing through us. */
int capture_spool(struct capture_stream *stream, uint64_t left, struct error *err)
{
	size_t have = stream->len - stream->at;

	if (have > left)
		have = left;
	if (write_spool(stream, stream->buffer + stream->at, have, err) < 0)
		return -1;
	stream->at += have;
	left -= have;
	while (left > 0) {
		ssize_t n;

		if (wait_readable(stream, err) < 0)
			return -1;
		n = splice(stream->fd, NULL, stream->spool, NULL, left < 1 << 20 ? left : 1 << 20,
			   SPLICE_F_MOVE);
		if (n < 0 && errno == EINVAL) {
			n = read(stream->fd, stream->buffer,
				 left < CAPTURE_BUFFER_SIZE ? left : CAPTURE_BUFFER_SIZE);
			if (n > 0 && write_spool(stream, stream->buffer, (size_t)n, err) < 0)
				return -1;
		}
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return error_os(err, ERROR_IO, errno, "keep the captured content in %s",
					stream->spool_dir);
		if (n == 0)
			return capture_malformed("it ends too early", err);
		left -= n > 0 ? (uint64_t)n : 0;
	}
	return 0;
}
