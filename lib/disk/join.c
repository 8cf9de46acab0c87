/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pieces of other devices, one behind the other. */
#include "disk/block_impl.h"

struct piece {
	struct block_piece of;
	uint64_t start; /* in the joined device */
};

struct joined {
	struct block block;
	struct piece *pieces;
	size_t n_pieces;
};

static struct joined *joined_of(struct block *block)
{
	return (struct joined *)block;
}

/* The piece that holds a byte of the device. */
static const struct piece *piece_at(const struct joined *joined, uint64_t offset)
{
	size_t low = 0, high = joined->n_pieces;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (joined->pieces[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	return &joined->pieces[low];
}

/* How many of `len` bytes at `offset` lie in the piece, and where in its device they begin. */
static uint64_t part_of(const struct piece *piece, uint64_t offset, uint64_t len, uint64_t *ret_at)
{
	uint64_t into = offset - piece->start, left = piece->of.size - into;

	*ret_at = piece->of.offset + into;
	return len < left ? len : left;
}

static int joined_read(struct block *block, void *buf, size_t len, uint64_t offset,
		       struct error *err)
{
	char *to = buf;

	while (len) {
		const struct piece *piece = piece_at(joined_of(block), offset);
		uint64_t at, n = part_of(piece, offset, len, &at);

		if (block_read(piece->of.parent, to, (size_t)n, at, err) < 0)
			return -1;
		to += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

static int joined_write(struct block *block, const void *buf, size_t len, uint64_t offset,
			struct error *err)
{
	const char *from = buf;

	while (len) {
		const struct piece *piece = piece_at(joined_of(block), offset);
		uint64_t at, n = part_of(piece, offset, len, &at);

		if (block_write(piece->of.parent, from, (size_t)n, at, err) < 0)
			return -1;
		from += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

static bool is_first_of_parent(const struct joined *joined, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (joined->pieces[i].of.parent == joined->pieces[index].of.parent)
			return false;
	return true;
}

static int joined_flush(struct block *block, struct error *err)
{
	struct joined *joined = joined_of(block);

	for (size_t i = 0; i < joined->n_pieces; i++)
		if (is_first_of_parent(joined, i) &&
		    block_flush(joined->pieces[i].of.parent, err) < 0)
			return -1;
	return 0;
}

static int joined_extent(struct block *block, uint64_t offset, uint64_t len,
			 struct block_extent *ret, struct error *err)
{
	const struct piece *piece = piece_at(joined_of(block), offset);
	uint64_t at, n = part_of(piece, offset, len, &at);

	return block_extent(piece->of.parent, at, n, ret, err);
}

static void joined_free(struct block *block)
{
	free(joined_of(block)->pieces);
	free(block);
}

static const struct block_ops joined_ops = {.read = joined_read,
					    .write = joined_write,
					    .flush = joined_flush,
					    .extent = joined_extent,
					    .free = joined_free};

struct block *block_join(const struct block_piece *pieces, size_t n_pieces, struct error *err)
{
	CLEANUP(block_free)
	struct block *block = xcalloc(1, sizeof(struct joined));
	struct joined *joined = joined_of(block);

	block->ops = &joined_ops;
	joined->pieces = xcalloc(n_pieces + 1, sizeof *joined->pieces);
	for (size_t i = 0; i < n_pieces; i++) {
		const struct block_piece *piece = &pieces[i];

		if (piece->size == 0)
			continue;
		if (block_check_range(piece->parent, piece->size, piece->offset, err) < 0)
			return NULL;
		joined->pieces[joined->n_pieces++] = (struct piece){*piece, block->size};
		if (__builtin_add_overflow(block->size, piece->size, &block->size)) {
			error_set(err, ERROR_IMAGE, "the pieces of a device add up to too much");
			return NULL;
		}
	}
	return steal(block);
}
