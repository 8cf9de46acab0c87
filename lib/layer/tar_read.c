/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading is strict: whatever the writer would not have written is refused, so that a layer has one
 * meaning and no way around the checks on paths.  Every size is bounded before memory is taken for
 * it; content goes through in chunks.
 */
#include <string.h>

#include "layer/tar_member.h"

enum { CHUNK = 1 << 18 };

static const char zeros[TAR_BLOCK];

struct reader {
	const struct tar_source *source;
	const struct layer_visitor *visitor;
	char *chunk;
	char *last_path; /* paths only grow */
	char *opaque;	 /* the directory whose marker must come next, or NULL */
};

static int read_bytes(struct reader *reader, void *data, size_t len, struct error *err)
{
	return reader->source->read(reader->source->opaque, data, len, err);
}

static int skip_padding(struct reader *reader, uint64_t size, struct error *err)
{
	size_t pad = (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;

	if (pad == 0)
		return 0;
	if (read_bytes(reader, reader->chunk, pad, err) < 0)
		return -1;
	return memcmp(reader->chunk, zeros, pad) == 0 ? 0
						      : tar_refuse(err, "padding that is not zero");
}

static int read_piece(struct reader *reader, uint64_t start, uint64_t end, struct error *err)
{
	const struct layer_visitor *visitor = reader->visitor;
	size_t len;

	for (uint64_t at = start; at < end; at += len) {
		len = end - at < CHUNK ? end - at : CHUNK;
		if (read_bytes(reader, reader->chunk, len, err) < 0)
			return -1;
		if (visitor->content &&
		    visitor->content(visitor->opaque, reader->chunk, len, at, err) < 0)
			return -1;
	}
	return 0;
}

/* The sparse map is decimal numbers, one a line, padded to a block. */
struct map_reader {
	struct reader *reader;
	char block[TAR_BLOCK];
	size_t at;	/* in the block */
	uint64_t taken; /* bytes of the stream */
};

static int map_number(struct map_reader *map, uint64_t limit, uint64_t *ret, struct error *err)
{
	char text[24];

	for (size_t len = 0; len < sizeof text; len++) {
		if (map->at == TAR_BLOCK) {
			if (read_bytes(map->reader, map->block, TAR_BLOCK, err) < 0)
				return -1;
			map->at = 0;
			map->taken += TAR_BLOCK;
		}
		text[len] = map->block[map->at++];
		if (text[len] == '\n') {
			text[len] = '\0';
			return tar_parse_number(text, 10, limit, ret, err);
		}
	}
	return tar_refuse(err, "a bad sparse map");
}

static int read_map(struct reader *reader, const struct tar_body *body, struct segments *ret,
		    uint64_t *ret_taken, struct error *err)
{
	struct map_reader map = {.reader = reader, .at = TAR_BLOCK};
	uint64_t n, start, len, at = 0;

	if (map_number(&map, TAR_SEGMENTS_MAX, &n, err) < 0)
		return -1;
	for (uint64_t i = 0; i < n; i++) {
		struct segment *segment;

		if (map_number(&map, body->real_size, &start, err) < 0 ||
		    map_number(&map, body->real_size - start, &len, err) < 0)
			return -1;
		if (start < at)
			return tar_refuse(err, "a sparse map out of order");
		at = start + len;
		segment = ARRAY_ADD(ret->items, ret->n_items);
		*segment = (struct segment){start, at};
	}
	*ret_taken = map.taken;
	return 0;
}

static int read_pieces(struct reader *reader, const struct segments *segments, uint64_t size,
		       struct error *err)
{
	uint64_t total = 0;

	for (size_t i = 0; i < segments->n_items; i++)
		total += segments->items[i].end - segments->items[i].start;
	if (total != size)
		return tar_refuse(err, "a sparse file of another size than its map");
	for (size_t i = 0; i < segments->n_items; i++)
		if (read_piece(reader, segments->items[i].start, segments->items[i].end, err) < 0)
			return -1;
	return 0;
}

static int read_body(struct reader *reader, const struct tar_body *body, struct error *err)
{
	struct segments segments = {0};
	uint64_t taken = 0;
	int status;

	if (!body->sparse)
		status = read_piece(reader, 0, body->size, err);
	else if ((status = read_map(reader, body, &segments, &taken, err)) == 0)
		status = taken <= body->size
				 ? read_pieces(reader, &segments, body->size - taken, err)
				 : tar_refuse(err, "a bad sparse map");
	segments_free(&segments);
	return status < 0 ? -1 : skip_padding(reader, body->size, err);
}

/* An opaque directory's marker says again what its record said. */
static int check_marker(struct reader *reader, const char *path, struct error *err)
{
	CLEANUP_FREE char *expected = steal(reader->opaque);
	CLEANUP_FREE char *marker =
		xasprintf("%s/%s", expected[1] ? expected : "", &TAR_OPAQUE[strlen(TAR_WHITEOUT)]);

	return strcmp(path, marker) == 0 ? 0
					 : tar_refuse(err, "an opaque directory without marker");
}

static int check_order(struct reader *reader, const char *path, struct error *err)
{
	if (reader->last_path && strcmp(reader->last_path, path) >= 0)
		return tar_refuse(err, "paths out of order");
	free(reader->last_path);
	reader->last_path = xstrdup(path);
	return 0;
}

static int deliver(struct reader *reader, const struct layer_entry *entry,
		   const struct tar_body *body, struct error *err)
{
	if (reader->opaque)
		return check_marker(reader, entry->path, err);
	if (layer_path_reserved(entry->path))
		return tar_refuse(err, "a whiteout of a whiteout");
	if (check_order(reader, entry->path, err) < 0)
		return -1;
	if (reader->visitor->entry &&
	    reader->visitor->entry(reader->visitor->opaque, entry, err) < 0)
		return -1;
	if (entry->opaque)
		reader->opaque = xstrdup(entry->path);
	return read_body(reader, body, err);
}

static int read_header(struct reader *reader, struct tar_header *header, struct error *err)
{
	uint64_t sum;

	if (read_bytes(reader, header, sizeof *header, err) < 0)
		return -1;
	if (memcmp(header, zeros, sizeof zeros) == 0)
		return 0;
	if (memcmp(header->magic,
		   "ustar\0"
		   "00",
		   8) != 0 ||
	    tar_get_octal(header->checksum, 6, &sum, err) < 0 || sum != tar_checksum(header))
		return tar_refuse(err, "a damaged header");
	return 1;
}

static int read_records(struct reader *reader, const struct tar_header *header,
			struct tar_records *records, struct error *err)
{
	CLEANUP_FREE char *data = NULL;
	uint64_t size;

	if (tar_get_octal(header->size, sizeof header->size, &size, err) < 0)
		return -1;
	if (size > TAR_PAX_MAX)
		return tar_refuse(err, "too many records");
	data = xmalloc(size);
	if (read_bytes(reader, data, size, err) < 0 || skip_padding(reader, size, err) < 0)
		return -1;
	return tar_records_parse(records, data, size, err);
}

static int read_member(struct reader *reader, struct tar_records *records,
		       const struct tar_header *header, struct error *err)
{
	struct layer_entry entry = {0};
	struct tar_body body = {0};
	int status = tar_member_parse(records, header, &entry, &body, err);

	if (status == 0)
		status = deliver(reader, &entry, &body, err);
	layer_entry_clear(&entry);
	return status;
}

/* 1 after a member, 0 at the end. */
static int read_next(struct reader *reader, struct tar_records *records, struct error *err)
{
	struct tar_header header;
	int more = read_header(reader, &header, err);

	if (more > 0 && header.type == 'x') {
		if (read_records(reader, &header, records, err) < 0)
			return -1;
		more = read_header(reader, &header, err);
		if (more == 0 || (more > 0 && header.type == 'x'))
			return tar_refuse(err, "records without a member");
	}
	if (more <= 0)
		return more;
	return read_member(reader, records, &header, err) < 0 ? -1 : 1;
}

static int read_end(struct reader *reader, struct error *err)
{
	if (reader->opaque)
		return tar_refuse(err, "an opaque directory without marker");
	if (read_bytes(reader, reader->chunk, TAR_BLOCK, err) < 0)
		return -1;
	return memcmp(reader->chunk, zeros, TAR_BLOCK) == 0 ? 0 : tar_refuse(err, "a damaged end");
}

int tar_read(const struct tar_source *source, const struct layer_visitor *visitor,
	     struct error *err)
{
	struct reader reader = {.source = source, .visitor = visitor};
	struct tar_records records = {0};
	int more;

	reader.chunk = xmalloc(CHUNK);
	do {
		more = read_next(&reader, &records, err);
		tar_records_clear(&records);
	} while (more > 0);
	if (more == 0)
		more = read_end(&reader, err);
	free(reader.chunk);
	free(reader.last_path);
	free(reader.opaque);
	return more;
}
