/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *     header   4 magic, 4 version, 4 page size, 4 checkpoint, 8 salts, 8 checksum
 *     frame    4 page, 4 size of the database after a commit, 8 salts, 8 checksum; the page
 *
 * Numbers are big endian; words are summed in the order that the magic names.  Each checksum goes
 * on from the one before it.  A log is written again from its start with other salts: both of them
 * change, so a frame that has one of the two was not left by an earlier log.
 */
#include "rpm/wal.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { HEADER_SIZE = 32, FRAME_HEADER = 24, MIN_PAGE = 512, MAX_PAGE = 65536 };
#define MAGIC 0x377f0682u /* + 1: sums of big endian words */

struct wal {
	const uint8_t *buf;
	bool big_endian;
	uint32_t page_size;
	uint32_t sum[2];
};

static uint32_t word(const uint8_t *at, bool big_endian)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 8 | at[big_endian ? i : 3 - i];
	return value;
}

static void add_sum(struct wal *wal, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		wal->sum[0] += word(at + i, wal->big_endian) + wal->sum[1];
		wal->sum[1] += word(at + i + 4, wal->big_endian) + wal->sum[0];
	}
}

static bool sum_is(const struct wal *wal, const uint8_t *at)
{
	return word(at, true) == wal->sum[0] && word(at + 4, true) == wal->sum[1];
}

static int read_header(struct wal *wal, size_t len, struct error *err)
{
	uint32_t magic = len < HEADER_SIZE ? 0 : word(wal->buf, true);

	if ((magic & ~1u) != MAGIC)
		return error_set(err, ERROR_IMAGE, "its write-ahead log is none");
	wal->big_endian = magic & 1;
	add_sum(wal, wal->buf, HEADER_SIZE - 8);
	wal->page_size = word(wal->buf + 8, true);
	if (!sum_is(wal, wal->buf + HEADER_SIZE - 8) || wal->page_size < MIN_PAGE ||
	    wal->page_size > MAX_PAGE || wal->page_size & (wal->page_size - 1))
		return error_set(err, ERROR_IMAGE, "the header of its write-ahead log is damaged");
	return 0;
}

/* 1: this log's.  0: an earlier one's. */
static int check_frame(struct wal *wal, const uint8_t *at, size_t number, bool ended,
		       struct error *err)
{
	bool first = memcmp(at + 8, wal->buf + 16, 4) == 0;
	bool second = memcmp(at + 12, wal->buf + 20, 4) == 0;

	if (!first && !second)
		return 0;
	add_sum(wal, at, 8);
	add_sum(wal, at + FRAME_HEADER, wal->page_size);
	if (ended || !first || !second || !sum_is(wal, at + 16))
		return error_set(err, ERROR_IMAGE, "frame %zu of its write-ahead log is damaged",
				 number);
	return 1;
}

int wal_check(const void *buf, size_t len, struct error *err)
{
	struct wal wal = {.buf = buf};
	size_t size, number = 0;
	bool ended = false;

	if (len == 0)
		return 0;
	if (read_header(&wal, len, err) < 0)
		return -1;
	size = FRAME_HEADER + wal.page_size;
	for (size_t at = HEADER_SIZE; at < len; at += size) {
		int status;

		if (len - at < size)
			return error_set(err, ERROR_IMAGE, "its write-ahead log is cut short");
		status = check_frame(&wal, wal.buf + at, ++number, ended, err);
		if (status < 0)
			return -1;
		ended = status == 0;
	}
	return 0;
}
