/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* The length of the UTF-8 sequence at `s`, 0 if there is none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t len;

	if (s[0] < 0x80)
		return 1;
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

bool text_is_utf8(const char *bytes)
{
	const unsigned char *s = (const unsigned char *)bytes;

	while (*s) {
		size_t len = utf8_length(s);

		if (len == 0)
			return false;
		s += len;
	}
	return true;
}

/* C0, DEL and C1. */
static bool is_control(const unsigned char *s)
{
	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

static char *escape(const char *bytes, bool controls)
{
	struct buffer text = {0};

	buffer_puts(&text, "");
	for (const unsigned char *s = (const unsigned char *)bytes; *s;) {
		size_t len = utf8_length(s);

		if (len == 0 || (controls && is_control(s)) || (s[0] == '\\' && s[1] == 'x')) {
			buffer_printf(&text, "\\x%02X", *s++);
		} else {
			buffer_append(&text, s, len);
			s += len;
		}
	}
	return text.data;
}

char *text_escape(const char *bytes)
{
	return escape(bytes, false);
}

char *text_escape_controls(const char *bytes)
{
	return escape(bytes, true);
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

char *text_unescape(const char *text)
{
	char *bytes = xstrdup(text), *to = bytes;

	for (const char *s = text; *s; s++) {
		int high = s[0] == '\\' && s[1] == 'x' ? hex_value(s[2]) : -1;
		int low = high >= 0 ? hex_value(s[3]) : -1;

		if (low >= 0 && (high || low)) {
			*to++ = (char)(high << 4 | low);
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	return bytes;
}

char *text_quote(const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789%+,-./:=@_";
	struct buffer quoted = {0};

	if (*word && word[strspn(word, plain)] == '\0')
		return xstrdup(word);
	buffer_puts(&quoted, "'");
	for (const char *s = word; *s; s++)
		if (*s == '\'')
			buffer_puts(&quoted, "'\\''");
		else
			buffer_append(&quoted, s, 1);
	buffer_puts(&quoted, "'");
	return quoted.data;
}

void text_hide_passwords(char *text)
{
	while ((text = strstr(text, "://"))) {
		size_t len = strcspn(text += 3, "/?# \t\n\"'");
		char *at = memrchr(text, '@', len);
		char *colon = at ? memchr(text, ':', (size_t)(at - text)) : NULL;

		if (colon)
			memmove(colon, at, strlen(at) + 1);
	}
}
