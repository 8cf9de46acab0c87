/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "disk/block_impl.h"
#include "disk/encrypted.h"

enum { UNIT = 512, PIECE = 1 << 20 };

struct part {
	uint64_t offset, size; /* bytes of the disk */
	uint64_t number;       /* of the sector at `offset`, for the cipher */
	unsigned sector_size;
	struct cipher *cipher;
	uint64_t skip;
	struct encrypted_content content;
};

struct clear {
	struct block block;
	struct block *parent;
	struct part *parts;
	size_t n_parts;
	uint8_t *piece;
};

static struct clear *clear_of(struct block *block)
{
	return (struct clear *)block;
}

/* How many of `len` bytes at `offset` are of one kind, and which part they are in (NULL: none). */
static uint64_t run_at(const struct clear *clear, uint64_t offset, uint64_t len,
		       const struct part **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < clear->n_parts; i++) {
		const struct part *part = &clear->parts[i];

		if (part->offset > offset) {
			if (len > part->offset - offset)
				len = part->offset - offset;
		} else if (offset - part->offset < part->size) {
			uint64_t left = part->size - (offset - part->offset);

			*ret = part;
			return len < left ? len : left;
		}
	}
	return len;
}

static uint64_t number_at(const struct part *part, uint64_t offset)
{
	return part->number + (offset - part->offset) / UNIT;
}

/* The whole sectors around [offset, offset + *len), at most a piece of them, into clear->piece;
 * *len becomes how many of the bytes are in it. */
static int load(struct clear *clear, const struct part *part, uint64_t offset, size_t *len,
		size_t *ret_before, size_t *ret_loaded, struct error *err)
{
	size_t before = (size_t)((offset - part->offset) % part->sector_size);
	size_t loaded;

	if (*len > PIECE - before)
		*len = PIECE - before;
	loaded = (before + *len + part->sector_size - 1) / part->sector_size * part->sector_size;
	if (block_read(clear->parent, clear->piece, loaded, offset - before, err) < 0)
		return -1;
	cipher_decrypt(part->cipher, clear->piece, loaded, number_at(part, offset - before));
	*ret_before = before;
	*ret_loaded = loaded;
	return 0;
}

static int read_part(struct clear *clear, const struct part *part, void *buf, size_t *len,
		     uint64_t offset, struct error *err)
{
	size_t before, loaded;

	if (load(clear, part, offset, len, &before, &loaded, err) < 0)
		return -1;
	memcpy(buf, clear->piece + before, *len);
	return 0;
}

static int clear_read(struct block *block, void *buf, size_t len, uint64_t offset,
		      struct error *err)
{
	struct clear *clear = clear_of(block);
	char *to = buf;

	while (len) {
		const struct part *part;
		size_t n = (size_t)run_at(clear, offset, len, &part);

		if ((part ? read_part(clear, part, to, &n, offset, err)
			  : block_read(clear->parent, to, n, offset, err)) < 0)
			return -1;
		to += n;
		offset += n;
		len -= n;
	}
	return 0;
}

static int write_part(struct clear *clear, const struct part *part, const void *buf, size_t *len,
		      uint64_t offset, struct error *err)
{
	size_t before, loaded;

	if (load(clear, part, offset, len, &before, &loaded, err) < 0)
		return -1;
	memcpy(clear->piece + before, buf, *len);
	cipher_encrypt(part->cipher, clear->piece, loaded, number_at(part, offset - before));
	return block_write(clear->parent, clear->piece, loaded, offset - before, err);
}

static int clear_write(struct block *block, const void *buf, size_t len, uint64_t offset,
		       struct error *err)
{
	struct clear *clear = clear_of(block);
	const char *from = buf;

	while (len) {
		const struct part *part;
		size_t n = (size_t)run_at(clear, offset, len, &part);

		if ((part ? write_part(clear, part, from, &n, offset, err)
			  : block_write(clear->parent, from, n, offset, err)) < 0)
			return -1;
		from += n;
		offset += n;
		len -= n;
	}
	return 0;
}

static int clear_flush(struct block *block, struct error *err)
{
	return block_flush(clear_of(block)->parent, err);
}

/* Zeros that are encrypted are something else in the clear. */
static int clear_extent(struct block *block, uint64_t offset, uint64_t len,
			struct block_extent *ret, struct error *err)
{
	const struct part *part;
	uint64_t n = run_at(clear_of(block), offset, len, &part);

	if (!part)
		return block_extent(clear_of(block)->parent, offset, n, ret, err);
	*ret = (struct block_extent){.len = n};
	return 0;
}

static void clear_free(struct block *block)
{
	struct clear *clear = clear_of(block);

	for (size_t i = 0; i < clear->n_parts; i++) {
		cipher_free(clear->parts[i].cipher);
		explicit_bzero(&clear->parts[i].content, sizeof clear->parts[i].content);
	}
	free(clear->parts);
	free(clear->piece);
	block_free(clear->parent);
	free(clear);
}

static const struct block_ops clear_ops = {.read = clear_read,
					   .write = clear_write,
					   .flush = clear_flush,
					   .extent = clear_extent,
					   .free = clear_free};

struct block *clear_new(struct block *parent)
{
	struct clear *clear = xcalloc(1, sizeof *clear);

	clear->block.ops = &clear_ops;
	clear->block.size = block_size(parent);
	clear->parent = parent;
	clear->piece = xmalloc(PIECE + 2 * 4096);
	return &clear->block;
}

static bool overlaps(const struct clear *clear, uint64_t offset, uint64_t size)
{
	for (size_t i = 0; i < clear->n_parts; i++)
		if (offset < clear->parts[i].offset + clear->parts[i].size &&
		    clear->parts[i].offset < offset + size)
			return true;
	return false;
}

int clear_add(struct block *block, uint64_t offset, uint64_t size, uint64_t skip,
	      const struct encrypted_content *content, struct error *err)
{
	struct clear *clear = clear_of(block);
	struct part part = {.offset = offset,
			    .size = size,
			    .number = content->first_number + skip / UNIT,
			    .sector_size = content->sector_size,
			    .skip = skip,
			    .content = *content};

	if (block_check_range(block, size, offset, err) < 0)
		return -1;
	if (size % part.sector_size || skip % part.sector_size || overlaps(clear, offset, size))
		return error_set(err, ERROR_IMAGE,
				 "an encrypted container inside of another, or one that does not "
				 "lie on whole sectors, is not supported");
	part.cipher = cipher_new(content->cipher, content->key, content->key_size,
				 content->sector_size, err);
	if (!part.cipher)
		return -1;
	*ARRAY_ADD(clear->parts, clear->n_parts) = part;
	return 0;
}

struct block *clear_new_like(struct block *parent, const struct block *clear)
{
	const struct clear *like = (const struct clear *)clear;
	struct block *own = clear_new(parent);
	struct error ignored;

	for (size_t i = 0; i < like->n_parts; i++)
		clear_add(own, like->parts[i].offset, like->parts[i].size, like->parts[i].skip,
			  &like->parts[i].content, &ignored);
	return own;
}
