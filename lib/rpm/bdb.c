/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Berkeley DB's access method hash, as far as rpm uses it (db_page.h of Berkeley DB 4 to 6):
 *
 *     page 0      8 lsn, 4 page number, 4 magic, 4 version, 4 page size, 1 encryption, 1 type,
 *                 1 flags, 1 -, 4 first free page, 4 last page; at 72: 4 highest bucket, 4 masks
 *                 (two), 4 fill factor, 4 number of keys, 4 -, 4 spares[32]
 *     every page  8 lsn, 4 page number, 4 previous, 4 next, 2 items, 2 offset or bytes, 1 level,
 *                 1 type; then, in a hash page, the items' offsets (2 bytes each), which grow
 *                 downwards from the end of the page: key, value, key, value...
 *     item        1 kind, then the bytes, or 3 -, 4 page, 4 length: a chain of overflow pages
 *
 * Numbers are in the byte order of the machine that wrote them.  Bucket N begins at page N plus the
 * spare of its power of two.  rpm's record 0 holds the highest record number given so far, and is a
 * key like the others.
 *
 * librpm has a reader for it, bdb_ro, which trusts what it reads: a page that names itself as the
 * next one never ends, a page size of 1 is believed, and an error in the middle looks like the end.
 */
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "rpm/reader.h"

enum {
	HASH_MAGIC = 0x061561,
	OLDEST = 8,
	NEWEST = 10,
	META_SIZE = 512,
	PAGE_HEADER = 26,
	MIN_PAGE = 512,
	MAX_PAGE = 65536,
	KEY_SIZE = 4,
	SPARES = 32
};

enum page_type {
	PAGE_FREE = 0,
	PAGE_HASH_UNSORTED = 2,
	PAGE_OVERFLOW = 7,
	PAGE_HASH_META = 8,
	PAGE_HASH = 13
};

enum item_kind { ITEM_HERE = 1, ITEM_ELSEWHERE = 3 };

struct bdb {
	const uint8_t *buf;
	bool big_endian;
	uint32_t page_size, last_page, max_bucket, n_keys;
	bool *reached; /* by page number */
	rpm_record_callback *each;
	void *opaque;
	uint32_t n_records, highest, highest_given;
};

struct item {
	const uint8_t *data;
	uint32_t len;
};

static uint32_t number(const struct bdb *db, const uint8_t *at, size_t size)
{
	uint32_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | at[db->big_endian ? i : size - 1 - i];
	return value;
}

static const uint8_t *page_at(const struct bdb *db, uint32_t page)
{
	return db->buf + (size_t)page * db->page_size;
}

static int damaged(const char *what, uint32_t page, struct error *err)
{
	return error_set(err, ERROR_IMAGE, "page %u %s", page, what);
}

/* Each page is reached once: a page that leads back to an earlier one ends here. */
static const uint8_t *reach(struct bdb *db, uint32_t page, struct error *err)
{
	const uint8_t *at;

	if (page == 0 || page > db->last_page)
		return damaged("is named, but is not in the file", page, err), NULL;
	if (db->reached[page])
		return damaged("is named twice", page, err), NULL;
	at = page_at(db, page);
	if (number(db, at + 8, 4) != page)
		return damaged("has another number", page, err), NULL;
	db->reached[page] = true;
	return at;
}

static bool is_hash(const uint8_t *page)
{
	return page[25] == PAGE_HASH || page[25] == PAGE_HASH_UNSORTED;
}

static int copy_overflow(struct bdb *db, uint32_t page, uint8_t *to, uint32_t len,
			 struct error *err)
{
	while (len) {
		const uint8_t *at = reach(db, page, err);
		uint32_t here;

		if (!at)
			return -1;
		here = number(db, at + 22, 2);
		if (at[25] != PAGE_OVERFLOW || here == 0 || here > len ||
		    here > db->page_size - PAGE_HEADER)
			return damaged("is no part of a record", page, err);
		memcpy(to, at + PAGE_HEADER, here);
		to += here;
		len -= here;
		if (len == 0 && number(db, at + 16, 4) != 0)
			return damaged("goes on after the end of a record", page, err);
		page = number(db, at + 16, 4);
	}
	return 0;
}

static int give(struct bdb *db, uint32_t record, const uint8_t *blob, uint32_t len,
		struct error *err)
{
	if (record == 0) {
		if (len != KEY_SIZE)
			return error_set(err, ERROR_IMAGE, "record 0 is %u bytes long", len);
		db->highest_given = number(db, blob, KEY_SIZE);
		return 0;
	}
	db->n_records++;
	if (record > db->highest)
		db->highest = record;
	return db->each(db->opaque, record, blob, len, err);
}

static int give_overflow(struct bdb *db, uint32_t record, const struct item *value,
			 struct error *err)
{
	uint32_t len = number(db, value->data + 8, 4);
	CLEANUP_FREE uint8_t *blob = NULL;

	if (len == 0 || len > (uint64_t)db->last_page * db->page_size)
		return error_set(err, ERROR_IMAGE, "record %u is %u bytes long", record, len);
	blob = xmalloc(len);
	if (copy_overflow(db, number(db, value->data + 4, 4), blob, len, err) < 0)
		return -1;
	return give(db, record, blob, len, err);
}

static int read_pair(struct bdb *db, uint32_t page, const struct item *key,
		     const struct item *value, struct error *err)
{
	uint32_t record;

	if (key->len != 1 + KEY_SIZE || key->data[0] != ITEM_HERE)
		return damaged("has a key that is no record number", page, err);
	record = number(db, key->data + 1, KEY_SIZE);
	if (value->data[0] == ITEM_HERE)
		return give(db, record, value->data + 1, value->len - 1, err);
	if (value->data[0] != ITEM_ELSEWHERE || value->len != 12)
		return damaged("has an item of an unknown kind", page, err);
	return give_overflow(db, record, value, err);
}

/* Item i ends where item i - 1 begins. */
static int find_item(const struct bdb *db, uint32_t page, uint32_t i, struct item *ret,
		     struct error *err)
{
	const uint8_t *at = page_at(db, page), *offsets = at + PAGE_HEADER;
	uint32_t n = number(db, at + 20, 2), begin = number(db, offsets + 2 * i, 2);
	uint32_t end = i ? number(db, offsets + 2 * (i - 1), 2) : db->page_size;

	if (begin < PAGE_HEADER + 2 * n || begin >= end || end > db->page_size)
		return damaged("has an item outside its bounds", page, err);
	*ret = (struct item){at + begin, end - begin};
	return 0;
}

static int read_hash_page(struct bdb *db, uint32_t page, struct error *err)
{
	const uint8_t *at = page_at(db, page);
	uint32_t n = number(db, at + 20, 2);
	struct item key, value;

	if (!is_hash(at) || n % 2 || PAGE_HEADER + 2 * n > db->page_size)
		return damaged("is no page of a hash table", page, err);
	for (uint32_t i = 0; i < n; i += 2)
		if (find_item(db, page, i, &key, err) < 0 ||
		    find_item(db, page, i + 1, &value, err) < 0 ||
		    read_pair(db, page, &key, &value, err) < 0)
			return -1;
	return 0;
}

static uint32_t bucket_page(const struct bdb *db, uint32_t bucket)
{
	unsigned power = 0;

	for (uint32_t rest = bucket; rest; rest >>= 1)
		power++;
	return power < SPARES ? bucket + number(db, db->buf + 96 + 4 * power, 4) : 0;
}

static int read_bucket(struct bdb *db, uint32_t bucket, struct error *err)
{
	uint32_t page = bucket_page(db, bucket);

	do {
		const uint8_t *at = reach(db, page, err);

		if (!at || read_hash_page(db, page, err) < 0)
			return -1;
		page = number(db, at + 16, 4);
	} while (page);
	return 0;
}

/* Pages for buckets to come are there before them, without items. */
static int check_unreached(const struct bdb *db, struct error *err)
{
	for (uint32_t page = 1; page <= db->last_page; page++) {
		const uint8_t *at = page_at(db, page);

		if (db->reached[page] || at[25] == PAGE_FREE ||
		    (is_hash(at) && number(db, at + 20, 2) == 0))
			continue;
		return damaged("is in use, but nothing leads to it", page, err);
	}
	return 0;
}

static int check_counts(const struct bdb *db, struct error *err)
{
	if (db->highest > db->highest_given)
		return error_set(err, ERROR_IMAGE,
				 "it has a record %u, but says that %u was the last one given",
				 db->highest, db->highest_given);
	if (db->n_records + 1 != db->n_keys)
		return error_set(err, ERROR_IMAGE, "it has %u records, but says that it has %u",
				 db->n_records, db->n_keys ? db->n_keys - 1 : 0);
	return 0;
}

static int open_meta(struct bdb *db, size_t len, struct error *err)
{
	uint32_t version;

	if (len < META_SIZE)
		return error_set(err, ERROR_IMAGE, "%zu bytes are too short for a Berkeley DB file",
				 len);
	if (number(db, db->buf + 12, 4) != HASH_MAGIC)
		db->big_endian = true;
	if (number(db, db->buf + 12, 4) != HASH_MAGIC)
		return error_set(err, ERROR_IMAGE, "it is no hash table of Berkeley DB");
	version = number(db, db->buf + 16, 4);
	if (version < OLDEST || version > NEWEST)
		return error_set(err, ERROR_IMAGE,
				 "it is of version %u, and only %d to %d are known", version,
				 OLDEST, NEWEST);
	if (db->buf[24] || db->buf[25] != PAGE_HASH_META || db->buf[26] & 1)
		return error_set(err, ERROR_IMAGE,
				 "it is encrypted, has checksums or has no page of its own data");
	db->page_size = number(db, db->buf + 20, 4);
	db->last_page = number(db, db->buf + 32, 4);
	db->max_bucket = number(db, db->buf + 72, 4);
	db->n_keys = number(db, db->buf + 88, 4);
	if (db->page_size < MIN_PAGE || db->page_size > MAX_PAGE ||
	    db->page_size & (db->page_size - 1))
		return error_set(err, ERROR_IMAGE, "its pages cannot be of %u bytes",
				 db->page_size);
	if (((uint64_t)db->last_page + 1) * db->page_size != len)
		return error_set(err, ERROR_IMAGE,
				 "it is %zu bytes long, and has %u pages of %u bytes: it is cut "
				 "short or damaged",
				 len, db->last_page + 1, db->page_size);
	return 0;
}

int bdb_read(const void *buf, size_t len, rpm_record_callback *each, void *opaque,
	     struct error *err)
{
	struct bdb db = {.buf = buf, .each = each, .opaque = opaque};
	CLEANUP_FREE bool *reached = NULL;

	if (open_meta(&db, len, err) < 0)
		return -1;
	db.reached = reached = xcalloc((size_t)db.last_page + 1, sizeof *reached);
	for (uint32_t bucket = 0; bucket <= db.max_bucket; bucket++)
		if (read_bucket(&db, bucket, err) < 0)
			return -1;
	if (check_unreached(&db, err) < 0)
		return -1;
	return check_counts(&db, err);
}
