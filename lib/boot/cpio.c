/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/cpio.h"

#include <string.h>

enum {
	HEADER_SIZE = 110,
	FIELD_FILE_SIZE = 6 + 6 * 8, /* offsets; a field is eight hexadecimal digits */
	FIELD_NAME_SIZE = 6 + 11 * 8,
	NAME_LIMIT = 4096,
	ALIGNMENT = 4,
};

static int damaged(struct error *err)
{
	return error_set(err, ERROR_GUEST, "not a whole cpio archive");
}

static uint64_t padded(uint64_t size)
{
	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static int get_field(const char *header, size_t offset, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++) {
		char c = header[offset + i];
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

		if (!c || !digit)
			return -1;
		value = value * 16 + (uint64_t)(digit - digits);
	}
	*ret = value;
	return 0;
}

/* How much of a header and its name there must be: the header first, which tells of the name. */
static int wanted(const struct cpio *cpio, uint64_t *ret, struct error *err)
{
	const char *header = cpio->head.data;
	uint64_t name_size;

	*ret = HEADER_SIZE;
	if (cpio->head.len < HEADER_SIZE)
		return 0;
	if ((memcmp(header, "070701", 6) != 0 && memcmp(header, "070702", 6) != 0) ||
	    get_field(header, FIELD_NAME_SIZE, &name_size) < 0 || name_size == 0 ||
	    name_size > NAME_LIMIT)
		return damaged(err);
	*ret = padded(HEADER_SIZE + name_size);
	return 0;
}

static int end_member(struct cpio *cpio, struct error *err)
{
	const char *name = cpio->head.data + HEADER_SIZE;
	uint64_t size;

	if (get_field(cpio->head.data, FIELD_FILE_SIZE, &size) < 0 ||
	    !memchr(name, '\0', cpio->head.len - HEADER_SIZE))
		return damaged(err);
	cpio->ended = strcmp(name, "TRAILER!!!") == 0;
	if (!cpio->ended)
		cpio->each(cpio->opaque, name, size);
	cpio->skip = padded(size);
	cpio->head.len = 0;
	return 0;
}

static size_t smaller(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

int cpio_feed(struct cpio *cpio, const char *buf, size_t len, struct error *err)
{
	while (len > 0 && !cpio->ended) {
		size_t step = smaller(cpio->skip, len);
		uint64_t want;

		if (step) {
			cpio->skip -= step;
		} else {
			if (wanted(cpio, &want, err) < 0)
				return -1;
			step = smaller(want - cpio->head.len, len);
			buffer_append(&cpio->head, buf, step);
			if (wanted(cpio, &want, err) < 0 ||
			    (cpio->head.len == want && want > HEADER_SIZE &&
			     end_member(cpio, err) < 0))
				return -1;
		}
		cpio->taken += step;
		buf += step;
		len -= step;
	}
	return 0;
}

void cpio_clear(struct cpio *cpio)
{
	buffer_free(&cpio->head);
}
