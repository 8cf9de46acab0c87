/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	char *text = xmalloc((len + 2) / 3 * 4 + 1), *to = text;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t group = bytes[i] << 16 | (n > 1 ? bytes[i + 1] << 8 : 0) |
				 (n > 2 ? bytes[i + 2] : 0);

		for (size_t k = 0; k < 4; k++)
			*to++ = k <= n ? alphabet[group >> (18 - 6 * k) & 63] : '=';
	}
	*to = '\0';
	return text;
}

/* -1 for what is not in the alphabet. */
static int value_of(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

static size_t padding_of(const char *text, size_t len)
{
	if (len == 0 || text[len - 1] != '=')
		return 0;
	return text[len - 2] == '=' ? 2 : 1;
}

bool base64_decode(const char *text, size_t len, struct buffer *ret)
{
	CLEANUP_BUFFER struct buffer bytes = {0};
	size_t padding;
	uint32_t group = 0;

	if (len % 4)
		return false;
	padding = padding_of(text, len);
	for (size_t i = 0; i < len - padding; i++) {
		int value = value_of(text[i]);

		if (value < 0)
			return false;
		group = group << 6 | (uint32_t)value;
		if (i % 4)
			buffer_putc(&bytes, (char)(group >> (6 - 2 * (i % 4))));
	}
	/* what is left of the last digit names no byte: it has to be zero */
	if ((padding == 1 && group & 3) || (padding == 2 && group & 15))
		return false;
	buffer_append(ret, bytes.data, bytes.len);
	return true;
}
