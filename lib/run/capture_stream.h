/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of a capture (capture_format.h) as they come from the runner.  Untrusted. */
#ifndef COLDPATCH_RUN_CAPTURE_STREAM_H
#define COLDPATCH_RUN_CAPTURE_STREAM_H

#include "run/capture.h"

enum { CAPTURE_BUFFER_SIZE = 1 << 18 };

struct capture_stream {
	int fd, spool;
	const char *spool_dir;	 /* for messages */
	uint64_t spooled, limit; /* bytes of content */
	const struct monitor *monitor;
	unsigned char *buffer; /* of CAPTURE_BUFFER_SIZE, the caller's */
	size_t at, len;
};

/* ERROR_GUEST; returns -1. */
int capture_malformed(const char *what, struct error *err);
/* Exactly `size` bytes. */
int capture_get(struct capture_stream *stream, void *data, size_t size, struct error *err);
/* Little-endian, of so many bytes. */
int capture_get_number(struct capture_stream *stream, size_t bytes, uint64_t *ret,
		       struct error *err);
int capture_get_u32(struct capture_stream *stream, uint32_t *ret, struct error *err);
/* A string of the format, allocated and NUL-terminated; as text it holds no other NUL. */
int capture_get_bytes(struct capture_stream *stream, void **ret, size_t *ret_size,
		      struct error *err);
int capture_get_text(struct capture_stream *stream, char **ret, struct error *err);
/* Moves `left` bytes of content to the spool. */
int capture_spool(struct capture_stream *stream, uint64_t left, struct error *err);

#endif
