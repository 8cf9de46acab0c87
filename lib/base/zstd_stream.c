/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/zstd_stream.h"

#include <errno.h>
#include <zstd.h>

#include "base/file.h"

enum { LEVEL = 3, WORKERS = 2, WINDOW_LOG_MAX = 23 };

struct zstd_writer {
	ZSTD_CCtx *zstd;
	int fd;
	uint64_t written;
	char *out;
	size_t out_size;
};

struct zstd_writer *zstd_writer_new(int fd, struct error *err)
{
	CLEANUP(zstd_writer_free)
	struct zstd_writer *writer = xcalloc(1, sizeof *writer);

	writer->fd = fd;
	writer->out_size = ZSTD_CStreamOutSize();
	writer->out = xmalloc(writer->out_size);
	writer->zstd = ZSTD_createCCtx();
	if (!writer->zstd)
		abort();
	/* A libzstd built without threads compresses in this one. */
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_nbWorkers, WORKERS);
	if (ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1)))
		return error_set(err, ERROR_HOST, "libzstd refuses its parameters"), NULL;
	return steal(writer);
}

static int compress_step(struct zstd_writer *writer, ZSTD_inBuffer *in, ZSTD_EndDirective end,
			 size_t *ret_left, struct error *err)
{
	ZSTD_outBuffer out = {writer->out, writer->out_size, 0};
	size_t left = ZSTD_compressStream2(writer->zstd, &out, in, end);

	if (ZSTD_isError(left))
		return error_set(err, ERROR_BUG, "compressing: %s", ZSTD_getErrorName(left));
	if (file_write_all(writer->fd, out.dst, out.pos, err) < 0)
		return -1;
	writer->written += out.pos;
	*ret_left = left;
	return 0;
}

int zstd_writer_write(struct zstd_writer *writer, const void *data, size_t len, struct error *err)
{
	ZSTD_inBuffer in = {data, len, 0};
	size_t left;

	while (in.pos < in.size)
		if (compress_step(writer, &in, ZSTD_e_continue, &left, err) < 0)
			return -1;
	return 0;
}

int zstd_writer_finish(struct zstd_writer *writer, uint64_t *ret_bytes, struct error *err)
{
	ZSTD_inBuffer in = {NULL, 0, 0};
	size_t left = 1;

	while (left > 0)
		if (compress_step(writer, &in, ZSTD_e_end, &left, err) < 0)
			return -1;
	*ret_bytes = writer->written;
	return 0;
}

void zstd_writer_free(struct zstd_writer *writer)
{
	if (!writer)
		return;
	ZSTD_freeCCtx(writer->zstd);
	free(writer->out);
	free(writer);
}

struct zstd_reader {
	ZSTD_DCtx *zstd;
	int fd;
	size_t pending; /* what zstd still expects; 0 between frames */
	ZSTD_inBuffer in;
	char *chunk;
	size_t chunk_size;
};

struct zstd_reader *zstd_reader_new(int fd, struct error *err)
{
	CLEANUP(zstd_reader_free)
	struct zstd_reader *reader = xcalloc(1, sizeof *reader);

	reader->fd = fd;
	reader->chunk_size = ZSTD_DStreamInSize();
	reader->chunk = xmalloc(reader->chunk_size);
	reader->in.src = reader->chunk;
	reader->pending = 1;
	reader->zstd = ZSTD_createDCtx();
	if (!reader->zstd)
		abort();
	if (ZSTD_isError(ZSTD_DCtx_setParameter(reader->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		return error_set(err, ERROR_HOST, "libzstd refuses its parameters"), NULL;
	return steal(reader);
}

/* 1 when there is input, 0 at the end of the file. */
static int refill(struct zstd_reader *reader, struct error *err)
{
	ssize_t n;

	if (reader->in.pos < reader->in.size)
		return 1;
	do
		n = read(reader->fd, reader->chunk, reader->chunk_size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_os(err, ERROR_IO, errno, "reading compressed data");
	reader->in.size = n;
	reader->in.pos = 0;
	return n > 0;
}

ssize_t zstd_reader_read(struct zstd_reader *reader, void *data, size_t len, struct error *err)
{
	ZSTD_outBuffer out = {data, len, 0};

	while (out.pos == 0 && len > 0) {
		int more = refill(reader, err);

		if (more < 0)
			return -1;
		if (!more && reader->pending == 0)
			return 0;
		reader->pending = ZSTD_decompressStream(reader->zstd, &out, &reader->in);
		if (ZSTD_isError(reader->pending))
			return error_set(err, ERROR_TRUST, "damaged compressed data: %s",
					 ZSTD_getErrorName(reader->pending));
		/* Without input there may still be output that did not fit last time. */
		if (!more && out.pos == 0 && reader->pending > 0)
			return error_set(err, ERROR_TRUST, "the compressed data is cut short");
	}
	return out.pos;
}

void zstd_reader_free(struct zstd_reader *reader)
{
	if (!reader)
		return;
	ZSTD_freeDCtx(reader->zstd);
	free(reader->chunk);
	free(reader);
}
