/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpm's own package database, lib/backend/ndb/rpmpkg.c of rpm.  Numbers are little endian; blocks
 * are of 16 bytes.
 *
 *     header   "RpmP", 4 version (0), 4 generation, 4 pages of slots, 4 next record number, zeros:
 *              32 bytes
 *     slots    16 bytes each, to the end of the pages of slots (4096 bytes each): "Slot", 4 record
 *              number, 4 first block, 4 blocks; all zero but the magic where it is free
 *     record   "BlbS", 4 record number, 4 generation, 4 length, the bytes, zeros up to where the
 *              tail ends with a block: 4 Adler-32 of all before it, 4 length, "BlbE"
 *
 * rpm zeroes what it frees, so bytes between the records belong to a slot that is gone, or to a
 * transaction that was interrupted.
 */
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "rpm/reader.h"

enum {
	HEADER_SIZE = 32,
	SLOT_SIZE = 16,
	BLOCK = 16,
	PAGE = 4096,
	HEAD_SIZE = 16,
	TAIL_SIZE = 12,
	VERSION = 0
};

struct slot {
	uint32_t record, block, n_blocks;
};

struct ndb {
	const uint8_t *buf;
	size_t len;
	uint32_t n_pages, next_record;
	struct slot *slots; /* sorted by block once they are read */
	size_t n_slots;
};

static uint32_t number(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool is_magic(const uint8_t *at, const char *magic)
{
	return memcmp(at, magic, 4) == 0;
}

/* RFC 1950; sums are reduced before they overflow. */
static uint32_t adler32(const uint8_t *at, size_t len)
{
	enum { MODULUS = 65521, STRETCH = 5552 };
	uint32_t a = 1, b = 0;

	for (size_t i = 0; i < len; i++) {
		a += at[i];
		b += a;
		if (i % STRETCH == STRETCH - 1) {
			a %= MODULUS;
			b %= MODULUS;
		}
	}
	return (b % MODULUS) << 16 | a % MODULUS;
}

static int read_header(struct ndb *db, struct error *err)
{
	if (db->len < HEADER_SIZE || !is_magic(db->buf, "RpmP"))
		return error_set(err, ERROR_IMAGE, "it does not begin as a database of this kind");
	if (number(db->buf + 4) != VERSION)
		return error_set(err, ERROR_IMAGE, "it is of version %u, and only %d is known",
				 number(db->buf + 4), VERSION);
	db->n_pages = number(db->buf + 12);
	db->next_record = number(db->buf + 16);
	if (db->n_pages == 0 || db->n_pages > db->len / PAGE || db->len % BLOCK)
		return error_set(
			err, ERROR_IMAGE,
			"it is %zu bytes long, which does not fit its %u pages of slots: it "
			"is cut short or damaged",
			db->len, db->n_pages);
	return 0;
}

static int read_slot(struct ndb *db, size_t offset, struct error *err)
{
	const uint8_t *at = db->buf + offset;
	struct slot slot = {number(at + 4), number(at + 8), number(at + 12)};

	if (!is_magic(at, "Slot"))
		return error_set(err, ERROR_IMAGE, "the slot at %zu is damaged", offset);
	if (!slot.record && !slot.block && !slot.n_blocks)
		return 0;
	if (!slot.record || slot.record >= db->next_record)
		return error_set(err, ERROR_IMAGE,
				 "the slot at %zu is of record %u, but the next "
				 "one is to be %u",
				 offset, slot.record, db->next_record);
	if (slot.block < db->n_pages * (uint64_t)(PAGE / BLOCK) ||
	    ((uint64_t)slot.block + slot.n_blocks) * BLOCK > db->len)
		return error_set(err, ERROR_IMAGE,
				 "record %u is outside the file, which is cut short or damaged",
				 slot.record);
	*ARRAY_ADD(db->slots, db->n_slots) = slot;
	return 0;
}

static int compare_slots(const void *a, const void *b)
{
	const struct slot *left = a, *right = b;

	return left->block < right->block ? -1 : left->block > right->block;
}

static int read_slots(struct ndb *db, struct error *err)
{
	for (size_t at = HEADER_SIZE; at < (size_t)db->n_pages * PAGE; at += SLOT_SIZE)
		if (read_slot(db, at, err) < 0)
			return -1;
	if (db->n_slots)
		qsort(db->slots, db->n_slots, sizeof *db->slots, compare_slots);
	return 0;
}

static int check_zeros(const struct ndb *db, size_t from, size_t to, struct error *err)
{
	for (; from < to; from++)
		if (db->buf[from])
			return error_set(err, ERROR_IMAGE,
					 "there are bytes at %zu that no slot leads to", from);
	return 0;
}

static int check_record(const struct ndb *db, const struct slot *slot, struct error *err)
{
	const uint8_t *at = db->buf + (size_t)slot->block * BLOCK;
	size_t size = (size_t)slot->n_blocks * BLOCK;
	const uint8_t *tail = at + size - TAIL_SIZE;
	uint32_t len;

	if (size < HEAD_SIZE + TAIL_SIZE || !is_magic(at, "BlbS") || !is_magic(tail + 8, "BlbE") ||
	    number(at + 4) != slot->record)
		return error_set(err, ERROR_IMAGE, "record %u does not lie where its slot says",
				 slot->record);
	len = number(at + 12);
	if (len != number(tail + 4) ||
	    ((uint64_t)len + HEAD_SIZE + TAIL_SIZE + BLOCK - 1) / BLOCK != slot->n_blocks)
		return error_set(err, ERROR_IMAGE, "record %u is not as long as its slot says",
				 slot->record);
	if (number(tail) != adler32(at, size - TAIL_SIZE))
		return error_set(err, ERROR_IMAGE, "record %u has another checksum", slot->record);
	return 0;
}

static int compare_records(const void *a, const void *b)
{
	const struct slot *left = a, *right = b;

	return left->record < right->record ? -1 : left->record > right->record;
}

/* Sorts them by record number. */
static int check_records_differ(struct ndb *db, struct error *err)
{
	if (db->n_slots)
		qsort(db->slots, db->n_slots, sizeof *db->slots, compare_records);
	for (size_t i = 1; i < db->n_slots; i++)
		if (db->slots[i].record == db->slots[i - 1].record)
			return error_set(err, ERROR_IMAGE, "record %u is there twice",
					 db->slots[i].record);
	return 0;
}

static int check_layout(const struct ndb *db, struct error *err)
{
	size_t end = (size_t)db->n_pages * PAGE;

	for (size_t i = 0; i < db->n_slots; i++) {
		const struct slot *slot = &db->slots[i];
		size_t begin = (size_t)slot->block * BLOCK;

		if (begin < end)
			return error_set(err, ERROR_IMAGE, "record %u overlaps another one",
					 slot->record);
		if (check_zeros(db, end, begin, err) < 0 || check_record(db, slot, err) < 0)
			return -1;
		end = begin + (size_t)slot->n_blocks * BLOCK;
	}
	return check_zeros(db, end, db->len, err);
}

int ndb_read(const void *buf, size_t len, rpm_record_callback *each, void *opaque,
	     struct error *err)
{
	struct ndb db = {.buf = buf, .len = len};
	CLEANUP_FREE struct slot *slots = NULL;
	int status = read_header(&db, err);

	if (status == 0)
		status = read_slots(&db, err);
	slots = db.slots;
	if (status < 0 || check_layout(&db, err) < 0 || check_records_differ(&db, err) < 0)
		return -1;
	for (size_t i = 0; i < db.n_slots; i++) {
		const uint8_t *at = db.buf + (size_t)slots[i].block * BLOCK;

		if (each(opaque, slots[i].record, at + HEAD_SIZE, number(at + 12), err) < 0)
			return -1;
	}
	return 0;
}
