/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/keyring.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

enum { MAX_KEYRING = 16 << 20 };

static const char begin_line[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
static const char end_line[] = "-----END PGP PUBLIC KEY BLOCK-----";

struct line {
	const char *text;
	size_t len;
};

static bool next_line(const char **at, const char *end, struct line *ret)
{
	const char *newline;

	if (*at >= end)
		return false;
	newline = memchr(*at, '\n', end - *at);
	ret->text = *at;
	ret->len = (newline ? newline : end) - *at;
	*at = newline ? newline + 1 : end;
	while (ret->len && strchr(" \t\r", ret->text[ret->len - 1]))
		ret->len--;
	return true;
}

static bool line_is(const struct line *line, const char *text)
{
	return line->len == strlen(text) && memcmp(line->text, text, line->len) == 0;
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

struct base64 {
	uint32_t bits;
	unsigned n_bits;
	bool padded;
};

static bool base64_line(struct base64 *state, const struct line *line, struct buffer *ret)
{
	for (size_t i = 0; i < line->len; i++) {
		int value = base64_value(line->text[i]);

		if (line->text[i] == '=') {
			state->padded = true;
			continue;
		}
		if (value < 0 || state->padded)
			return false;
		state->bits = (state->bits << 6 | (uint32_t)value) & 0xffffff;
		state->n_bits += 6;
		if (state->n_bits >= 8) {
			state->n_bits -= 8;
			buffer_putc(ret, (char)(state->bits >> state->n_bits & 0xff));
		}
	}
	return true;
}

/* After a BEGIN line: headers up to an empty line, base64, "=" and a checksum (the keys in it are
 * signed; it is of no use here), END. */
static bool decode_block(const char **at, const char *end, struct buffer *ret)
{
	struct base64 state = {0};
	struct line line;

	do {
		if (!next_line(at, end, &line))
			return false;
	} while (line.len);
	while (next_line(at, end, &line)) {
		if (line_is(&line, end_line))
			return true;
		if (line.len == 5 && line.text[0] == '=')
			continue;
		if (!base64_line(&state, &line, ret))
			return false;
	}
	return false;
}

int keyring_dearmour(const char *text, size_t len, struct buffer *ret, struct error *err)
{
	const char *at = text, *end = text + len;
	size_t start = ret->len;
	struct line line;

	if (!len || (text[0] & 0x80) || memchr(text, '\0', len)) {
		if (memmem(text, len, begin_line, strlen(begin_line)))
			return error_set(err, ERROR_CONFIG,
					 "holds binary keys and ASCII-armoured ones, of which only "
					 "one sort would be read: put them into files of their "
					 "own");
		buffer_append(ret, text, len);
		return 0;
	}
	while (next_line(&at, end, &line))
		if (line_is(&line, begin_line) && !decode_block(&at, end, ret))
			return error_set(err, ERROR_CONFIG, "the ASCII armour is damaged");
	if (ret->len == start)
		return error_set(err, ERROR_CONFIG, "holds no public key");
	return 0;
}

int keyring_read(const char *path, struct buffer *ret, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *real = realpath(path, NULL);

	if (!real)
		return error_set(err, ERROR_CONFIG, "keyring %s: not there", path);
	if (file_read(real, MAX_KEYRING, &text, err) < 0) {
		err->kind = ERROR_CONFIG;
		return error_prefix(err, "keyring");
	}
	if (text.len == 0)
		return error_set(err, ERROR_CONFIG, "keyring %s: holds no public key", path);
	if (keyring_dearmour(text.data, text.len, ret, err) < 0)
		return error_prefix(err, "keyring %s", path);
	return 0;
}

int keyring_copy(const char *from, const char *to, struct error *err)
{
	CLEANUP_BUFFER struct buffer keys = {0};

	if (keyring_read(from, &keys, err) < 0)
		return -1;
	return file_replace(to, keys.data, keys.len, 0400, err);
}
