/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buffer.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

char *buffer_reserve(struct buffer *buf, size_t len)
{
	size_t need;

	if (__builtin_add_overflow(buf->len, len, &need) || __builtin_add_overflow(need, 1, &need))
		abort();
	if (need > buf->capacity) {
		size_t capacity = buf->capacity ? buf->capacity : 64;

		while (capacity < need)
			if (__builtin_mul_overflow(capacity, 2, &capacity))
				abort();
		buf->data = xrealloc(buf->data, capacity);
		buf->capacity = capacity;
	}
	return buf->data + buf->len;
}

void buffer_append(struct buffer *buf, const void *data, size_t len)
{
	char *end = buffer_reserve(buf, len);

	if (len)
		memcpy(end, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void buffer_puts(struct buffer *buf, const char *text)
{
	buffer_append(buf, text, strlen(text));
}

void buffer_putc(struct buffer *buf, char c)
{
	buffer_append(buf, &c, 1);
}

void buffer_printf(struct buffer *buf, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		abort();
	buffer_append(buf, text, len);
	free(text);
}

void buffer_clear(struct buffer *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

char *buffer_steal(struct buffer *buf)
{
	char *data;

	buffer_append(buf, "", 0);
	data = buf->data;
	*buf = (struct buffer){0};
	return data;
}

void buffer_free(struct buffer *buf)
{
	free(buf->data);
	*buf = (struct buffer){0};
}
