/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debian's main has more than 60,000 stanzas in 45 MB, so nothing is allocated per stanza and of
 * most lines only the first byte is looked at.
 */
#include "mirror/apt/packages.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "mirror/beneath.h"

enum { MAX_PATH = 1024, MAX_SIZE_DIGITS = 15 };

struct span {
	const char *text;
	size_t len;
};

struct stanza {
	struct span package, filename, size, sha256;
};

/* If the line is this field, takes its value. */
static bool take(const struct span *line, const char *name, struct span *ret)
{
	size_t n = strlen(name);
	struct span value = *line;

	if (line->len <= n || line->text[n] != ':' || strncasecmp(line->text, name, n) != 0)
		return false;
	value.text += n + 1;
	value.len -= n + 1;
	while (value.len && (*value.text == ' ' || *value.text == '\t'))
		value.text++, value.len--;
	while (value.len && strchr(" \t\r", value.text[value.len - 1]))
		value.len--;
	*ret = value;
	return true;
}

static void read_line(const struct span *line, struct stanza *stanza)
{
	switch (line->text[0] | 0x20) {
	case 'f':
		take(line, "Filename", &stanza->filename);
		break;
	case 's':
		if (!take(line, "SHA256", &stanza->sha256))
			take(line, "Size", &stanza->size);
		break;
	case 'p':
		take(line, "Package", &stanza->package);
		break;
	default:
		break;
	}
}

static int stanza_error(const struct stanza *stanza, const char *problem, struct error *err)
{
	const struct span *name = &stanza->package;

	return error_set(err, ERROR_TRUST, "package %.*s: %s",
			 (int)(name->len > 100 ? 100 : name->len), name->len ? name->text : "",
			 problem);
}

static bool parse_size(const struct span *text, uint64_t *ret)
{
	uint64_t size = 0;

	if (!text->len || text->len > MAX_SIZE_DIGITS)
		return false;
	for (size_t i = 0; i < text->len; i++) {
		if (text->text[i] < '0' || text->text[i] > '9')
			return false;
		size = size * 10 + (uint64_t)(text->text[i] - '0');
	}
	*ret = size;
	return true;
}

static bool parse_sha256(const struct span *text, struct digest *ret)
{
	char hex[DIGEST_HEX_SIZE];

	if (text->len != DIGEST_HEX_SIZE - 1)
		return false;
	memcpy(hex, text->text, text->len);
	hex[text->len] = '\0';
	return digest_from_hex(hex, ret);
}

static bool parse_path(const struct span *text, struct packages_entry *ret)
{
	struct span at = *text;
	char path[MAX_PATH];

	if (at.len > 2 && at.text[0] == '.' && at.text[1] == '/') {
		at.text += 2;
		at.len -= 2;
	}
	if (at.len >= sizeof path || memchr(at.text, '\0', at.len))
		return false;
	memcpy(path, at.text, at.len);
	path[at.len] = '\0';
	ret->path = at.text;
	ret->path_len = at.len;
	return beneath_is_safe(path);
}

static int stanza_entry(const struct stanza *stanza, struct packages_entry *ret, struct error *err)
{
	if (!stanza->filename.len)
		return stanza_error(stanza, "no Filename", err);
	if (!parse_path(&stanza->filename, ret))
		return stanza_error(stanza, "Filename leads out of the mirror", err);
	if (!parse_size(&stanza->size, &ret->size))
		return stanza_error(stanza, "no valid Size", err);
	if (!parse_sha256(&stanza->sha256, &ret->sha256))
		return stanza_error(stanza, "no valid SHA256; weaker digests are not relied on",
				    err);
	return 0;
}

int packages_parse(const char *text, size_t len,
		   int (*each)(void *opaque, const struct packages_entry *entry, struct error *err),
		   void *opaque, struct error *err)
{
	const char *end = text + len;
	struct stanza stanza = {0};
	struct packages_entry entry;
	bool open = false;

	while (text < end || open) {
		const char *newline = text < end ? memchr(text, '\n', end - text) : NULL;
		struct span line = {text, (newline ? newline : end) - text};

		if (line.len && !(line.len == 1 && *line.text == '\r')) {
			read_line(&line, &stanza);
			open = true;
		} else if (open) {
			if (stanza_entry(&stanza, &entry, err) < 0 || each(opaque, &entry, err) < 0)
				return -1;
			stanza = (struct stanza){0};
			open = false;
		}
		text = newline ? newline + 1 : end;
	}
	return 0;
}
