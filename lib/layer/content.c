/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/content.h"

#include <errno.h>
#include <string.h>

enum { CHUNK = 1 << 18 };

void segments_free(struct segments *segments)
{
	free(segments->items);
	*segments = (struct segments){0};
}

/* Neighbours become one, so that the result does not show how the blocks lie. */
static void segments_add(struct segments *segments, uint64_t start, uint64_t end)
{
	struct segment *last = segments->n_items ? &segments->items[segments->n_items - 1] : NULL;
	struct segment *new;

	if (start >= end)
		return;
	if (last && last->end == start) {
		last->end = end;
		return;
	}
	new = ARRAY_ADD(segments->items, segments->n_items);
	*new = (struct segment){start, end};
}

static int guest_segments(const struct content *content, struct segments *ret, struct error *err)
{
	uint64_t start, end;

	for (uint64_t at = 0; at < content->size; at = end) {
		if (fs_next_data(content->fs, content->ino, at, &start, &end, err) < 0)
			return -1;
		if (start >= content->size)
			return 0;
		if (end > content->size)
			end = content->size;
		if (start < at || end <= start)
			return error_set(err, ERROR_BUG,
					 "the extents of inode %llu are out of order",
					 (unsigned long long)content->ino);
		segments_add(ret, start, end);
	}
	return 0;
}

static int capture_segments(const struct content *content, struct segments *ret, struct error *err)
{
	uint64_t at = 0, end;

	for (size_t i = 0; i < content->n_extents; i++) {
		const struct capture_extent *extent = &content->extents[i];

		if (__builtin_add_overflow(extent->offset, extent->length, &end) ||
		    extent->offset < at || end > content->size)
			return error_set(err, ERROR_GUEST,
					 "the capture's extents are out of order");
		segments_add(ret, extent->offset, end);
		at = end;
	}
	return 0;
}

int content_segments(const struct content *content, struct segments *ret, struct error *err)
{
	struct segments segments = {0};
	int status = content->fs ? guest_segments(content, &segments, err)
				 : capture_segments(content, &segments, err);

	if (status < 0)
		segments_free(&segments);
	else
		*ret = segments;
	return status;
}

static int guest_read(const struct content *content, char *buf, size_t len, uint64_t offset,
		      struct error *err)
{
	while (len > 0) {
		ssize_t n = fs_read(content->fs, content->ino, buf, len, offset, err);

		if (n < 0)
			return -1;
		if (n == 0)
			return error_set(err, ERROR_IMAGE, "inode %llu is shorter than its size",
					 (unsigned long long)content->ino);
		buf += n;
		offset += n;
		len -= n;
	}
	return 0;
}

static int spool_read_all(int fd, char *buf, size_t len, uint64_t offset, struct error *err)
{
	while (len > 0) {
		ssize_t n = pread(fd, buf, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_os(err, ERROR_IO, errno, "reading the capture");
		if (n == 0)
			return error_set(err, ERROR_IO, "the capture's content is cut short");
		buf += n;
		offset += n;
		len -= n;
	}
	return 0;
}

/* The extent that holds `offset`, which is known to lie in one. */
static const struct capture_extent *extent_at(const struct content *content, uint64_t offset)
{
	size_t low = 0, high = content->n_extents;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (content->extents[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return &content->extents[low];
}

static int capture_read(const struct content *content, char *buf, size_t len, uint64_t offset,
			struct error *err)
{
	while (len > 0) {
		const struct capture_extent *extent = extent_at(content, offset);
		uint64_t skip = offset - extent->offset;
		size_t part = extent->length - skip < len ? extent->length - skip : len;

		if (spool_read_all(content->spool, buf, part, extent->spool + skip, err) < 0)
			return -1;
		buf += part;
		offset += part;
		len -= part;
	}
	return 0;
}

int content_read(const struct content *content, void *buf, size_t len, uint64_t offset,
		 struct error *err)
{
	return content->fs ? guest_read(content, buf, len, offset, err)
			   : capture_read(content, buf, len, offset, err);
}

int content_for_each(const struct content *content, const struct segments *segments,
		     content_callback *each, void *opaque, struct error *err)
{
	CLEANUP_FREE char *chunk = xmalloc(CHUNK);

	for (size_t i = 0; i < segments->n_items; i++) {
		const struct segment *segment = &segments->items[i];
		size_t len;

		for (uint64_t at = segment->start; at < segment->end; at += len) {
			len = segment->end - at < CHUNK ? segment->end - at : CHUNK;
			if (content_read(content, chunk, len, at, err) < 0 ||
			    each(opaque, chunk, len, at, err) < 0)
				return -1;
		}
	}
	return 0;
}

static void digest_zeros(struct digest_context *ctx, uint64_t len)
{
	static const char zeros[1 << 16];

	while (len > 0) {
		size_t part = len < sizeof zeros ? len : sizeof zeros;

		digest_update(ctx, zeros, part);
		len -= part;
	}
}

struct digest_state {
	struct digest_context *ctx;
	uint64_t at;
};

static int digest_piece(void *opaque, const void *data, size_t len, uint64_t offset,
			struct error *err)
{
	struct digest_state *state = opaque;

	(void)err;
	digest_zeros(state->ctx, offset - state->at);
	digest_update(state->ctx, data, len);
	state->at = offset + len;
	return 0;
}

static bool is_sparse(const struct content *content, const struct segments *segments)
{
	return content->size > 0 && !(segments->n_items == 1 && segments->items[0].start == 0 &&
				      segments->items[0].end == content->size);
}

int content_digest(const struct content *content, const struct segments *segments,
		   struct digest *ret, struct error *err)
{
	CLEANUP(digest_free)
	struct digest_context *ctx = digest_new();
	struct digest_state state = {ctx, 0};

	if (is_sparse(content, segments) && content->size > CONTENT_SPARSE_MAX)
		return error_set(err, ERROR_IMAGE,
				 "a changed sparse file of %llu bytes is too large",
				 (unsigned long long)content->size);
	if (content_for_each(content, segments, digest_piece, &state, err) < 0)
		return -1;
	digest_zeros(ctx, content->size - state.at);
	digest_finish(steal(ctx), ret);
	return 0;
}

int content_digest_file(struct fs *fs, uint64_t ino, uint64_t size, struct digest *ret,
			struct error *err)
{
	struct content content = {.size = size, .fs = fs, .ino = ino};
	struct segments segments = {0};
	int status = content_segments(&content, &segments, err);

	if (status == 0)
		status = content_digest(&content, &segments, ret, err);
	segments_free(&segments);
	return status;
}

/* Walks two contents side by side. */
struct side {
	const struct content *content;
	struct segments segments;
	size_t next;
	char *chunk;
};

/* What the side has at `at`: data (true) or a hole (false), unchanged up to *ret_end at least. */
static bool side_has_data(struct side *side, uint64_t at, uint64_t *ret_end)
{
	const struct segment *segment;

	while (side->next < side->segments.n_items && side->segments.items[side->next].end <= at)
		side->next++;
	*ret_end = side->content->size;
	if (side->next == side->segments.n_items)
		return false;
	segment = &side->segments.items[side->next];
	*ret_end = segment->start > at ? segment->start : segment->end;
	return segment->start <= at;
}

static int side_fetch(struct side *side, bool data, uint64_t at, size_t len, struct error *err)
{
	if (data)
		return content_read(side->content, side->chunk, len, at, err);
	memset(side->chunk, 0, len);
	return 0;
}

/* Compares up to one chunk from `at`; 1 equal, 0 not, -1. */
static int sides_compare(struct side *a, struct side *b, uint64_t at, uint64_t *ret_end,
			 struct error *err)
{
	uint64_t a_end, b_end, end;
	bool a_data = side_has_data(a, at, &a_end), b_data = side_has_data(b, at, &b_end);
	size_t len;

	end = a_end < b_end ? a_end : b_end;
	*ret_end = end;
	if (!a_data && !b_data)
		return 1;
	len = end - at < CHUNK ? end - at : CHUNK;
	*ret_end = at + len;
	if (side_fetch(a, a_data, at, len, err) < 0 || side_fetch(b, b_data, at, len, err) < 0)
		return -1;
	return memcmp(a->chunk, b->chunk, len) == 0;
}

static int sides_equal(struct side *a, struct side *b, struct error *err)
{
	int equal = 1;

	if (content_segments(a->content, &a->segments, err) < 0 ||
	    content_segments(b->content, &b->segments, err) < 0)
		return -1;
	for (uint64_t at = 0; at < a->content->size && equal == 1;)
		equal = sides_compare(a, b, at, &at, err);
	return equal;
}

int content_equal(const struct content *a, const struct content *b, struct error *err)
{
	struct side left = {a, {0}, 0, NULL}, right = {b, {0}, 0, NULL};
	int equal;

	if (a->size != b->size)
		return 0;
	left.chunk = xmalloc(CHUNK);
	right.chunk = xmalloc(CHUNK);
	equal = sides_equal(&left, &right, err);
	segments_free(&left.segments);
	segments_free(&right.segments);
	free(left.chunk);
	free(right.chunk);
	return equal;
}
