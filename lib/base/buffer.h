/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing string of bytes.  `data` is always followed by a NUL that `len` does not count, so a
 * buffer of text is a C string.  Start with {0}; free with buffer_free or hand over with
 * buffer_steal. */
#ifndef COLDPATCH_BASE_BUFFER_H
#define COLDPATCH_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data; /* NULL while empty */
	size_t len;
	size_t capacity;
};

void buffer_append(struct buffer *buf, const void *data, size_t len);
void buffer_puts(struct buffer *buf, const char *text);
void buffer_putc(struct buffer *buf, char c);
void buffer_printf(struct buffer *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for `len` more bytes and returns where they go; add to `len` what was written. */
char *buffer_reserve(struct buffer *buf, size_t len);
void buffer_clear(struct buffer *buf);
/* The bytes as an allocated C string; the buffer is empty afterwards. */
char *buffer_steal(struct buffer *buf);
void buffer_free(struct buffer *buf);

#define CLEANUP_BUFFER __attribute__((cleanup(buffer_free)))

#endif
