/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading is strict: whatever the writer would not have written is refused, so that a layer has one
 * meaning and no way around the checks on paths.  Every size is bounded before memory is taken for
 * it; content goes through in chunks.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "layer/tar.h"

enum { CHUNK = 1 << 18 };

static const char zeros[TAR_BLOCK];

/* One pax extended header. */
struct records {
	char *path, *link_path, *sparse_name;
	char *charset, *flags, *mtime, *sha256, *metadata, *opaque, *socket;
	char *uid, *gid, *size, *device_major, *device_minor;
	char *sparse_major, *sparse_minor, *sparse_size;
	struct fs_xattrs xattrs;
};

static const struct record_name {
	const char *key;
	size_t offset;
} record_names[] = {
	{"hdrcharset", offsetof(struct records, charset)},
	{"path", offsetof(struct records, path)},
	{"linkpath", offsetof(struct records, link_path)},
	{"uid", offsetof(struct records, uid)},
	{"gid", offsetof(struct records, gid)},
	{"size", offsetof(struct records, size)},
	{"mtime", offsetof(struct records, mtime)},
	{"SCHILY.devmajor", offsetof(struct records, device_major)},
	{"SCHILY.devminor", offsetof(struct records, device_minor)},
	{"GNU.sparse.major", offsetof(struct records, sparse_major)},
	{"GNU.sparse.minor", offsetof(struct records, sparse_minor)},
	{"GNU.sparse.name", offsetof(struct records, sparse_name)},
	{"GNU.sparse.realsize", offsetof(struct records, sparse_size)},
	{TAR_RECORD_FLAGS, offsetof(struct records, flags)},
	{TAR_RECORD_METADATA, offsetof(struct records, metadata)},
	{TAR_RECORD_OPAQUE, offsetof(struct records, opaque)},
	{TAR_RECORD_SHA256, offsetof(struct records, sha256)},
	{TAR_RECORD_SOCKET, offsetof(struct records, socket)},
};

static char **record_field(struct records *records, size_t i)
{
	return (char **)(void *)((char *)records + record_names[i].offset);
}

static void records_clear(struct records *records)
{
	for (size_t i = 0; i < sizeof record_names / sizeof *record_names; i++)
		free(*record_field(records, i));
	fs_xattrs_free(&records->xattrs);
	*records = (struct records){0};
}

static int refuse(struct error *err, const char *what)
{
	return error_set(err, ERROR_TRUST, "not a layer: %s", what);
}

/* "%25" and "%3D" are the only escapes. */
static char *decode_xattr_name(const char *key)
{
	struct buffer name = {0};

	for (const char *c = key; *c; c++) {
		if (strncmp(c, "%25", 3) == 0 || strncmp(c, "%3D", 3) == 0) {
			buffer_putc(&name, c[1] == '2' ? '%' : '=');
			c += 2;
		} else {
			buffer_putc(&name, *c);
		}
	}
	return buffer_steal(&name);
}

static int records_add_xattr(struct records *records, const char *key, const char *value,
			     size_t size, struct error *err)
{
	struct fs_xattrs *xattrs = &records->xattrs;
	CLEANUP_FREE char *name = NULL;

	if (*key == '\0')
		return refuse(err, "an attribute without a name");
	name = decode_xattr_name(key);
	if (xattrs->n_items > 0 && strcmp(xattrs->items[xattrs->n_items - 1].name, name) >= 0)
		return refuse(err, "attributes out of order");
	layer_xattrs_add(xattrs, name, value, size);
	return 0;
}

static int records_add(struct records *records, const char *key, const char *value, size_t size,
		       struct error *err)
{
	static const char xattr[] = "SCHILY.xattr.";

	if (strncmp(key, xattr, strlen(xattr)) == 0)
		return records_add_xattr(records, key + strlen(xattr), value, size, err);
	if (memchr(value, '\0', size))
		return refuse(err, "a NUL in a record");
	for (size_t i = 0; i < sizeof record_names / sizeof *record_names; i++) {
		char **field = record_field(records, i);

		if (strcmp(key, record_names[i].key) != 0)
			continue;
		if (*field)
			return refuse(err, "a record twice");
		*field = xstrndup(value, size);
		return 0;
	}
	return refuse(err, "an unknown record");
}

/* The record at the start of `data`; *ret_len is how much of it it takes. */
static int parse_record(struct records *records, const char *data, size_t left, size_t *ret_len,
			struct error *err)
{
	CLEANUP_FREE char *key = NULL;
	size_t len = 0, at = 0;
	const char *equals;

	for (; at < left && at < 9 && data[at] >= '0' && data[at] <= '9'; at++)
		len = len * 10 + (data[at] - '0');
	if (at == 0 || at >= left || data[at] != ' ' || len > left || len < at + 3 ||
	    data[len - 1] != '\n')
		return refuse(err, "a damaged record");
	at++;
	equals = memchr(data + at, '=', len - 1 - at);
	if (!equals)
		return refuse(err, "a record without a value");
	key = xstrndup(data + at, equals - (data + at));
	*ret_len = len;
	return records_add(records, key, equals + 1, data + len - 1 - (equals + 1), err);
}

static int parse_records(struct records *records, const char *data, size_t size, struct error *err)
{
	size_t len = 0;

	for (size_t at = 0; at < size; at += len)
		if (parse_record(records, data + at, size - at, &len, err) < 0)
			return -1;
	return 0;
}

static int parse_number(const char *text, unsigned base, uint64_t limit, uint64_t *ret,
			struct error *err)
{
	char *end;
	unsigned long long value;

	if (*text == '\0' || *text == '-' || *text == '+' || *text == ' ')
		return refuse(err, "a bad number");
	errno = 0;
	value = strtoull(text, &end, base);
	if (errno || *end || value > limit)
		return refuse(err, "a bad number");
	*ret = value;
	return 0;
}

static int get_octal(const char *field, size_t size, uint64_t *ret, struct error *err)
{
	CLEANUP_FREE char *text = xstrndup(field, size);

	return parse_number(text, 8, UINT64_MAX, ret, err);
}

/* The record when there is one, else the header's field. */
static int get_number(const char *record, const char *field, size_t size, uint64_t limit,
		      uint64_t *ret, struct error *err)
{
	if (record)
		return parse_number(record, 10, limit, ret, err);
	return get_octal(field, size, ret, err);
}

/* "[-]SEC.NNNNNNNNN" */
static int parse_time(const char *text, struct fs_time *ret, struct error *err)
{
	bool negative = *text == '-';
	const char *dot = strchr(text, '.');
	CLEANUP_FREE char *whole = NULL;
	uint64_t sec, nsec;

	if (!dot || strlen(dot) != 10)
		return refuse(err, "a bad time");
	whole = xstrndup(text + negative, dot - text - negative);
	if (parse_number(whole, 10, INT64_MAX - 1, &sec, err) < 0 ||
	    parse_number(dot + 1, 10, 999999999, &nsec, err) < 0)
		return -1;
	ret->sec = negative ? -(int64_t)sec - (nsec > 0) : (int64_t)sec;
	ret->nsec = negative && nsec > 0 ? 1000000000 - nsec : nsec;
	return 0;
}

static int get_owner(const struct records *records, const struct tar_header *header,
		     struct fs_stat *stat, struct error *err)
{
	uint64_t mode, uid, gid, sec;

	if (get_octal(header->mode, sizeof header->mode, &mode, err) < 0 ||
	    get_number(records->uid, header->uid, sizeof header->uid, UINT32_MAX, &uid, err) < 0 ||
	    get_number(records->gid, header->gid, sizeof header->gid, UINT32_MAX, &gid, err) < 0)
		return -1;
	if (mode > 07777)
		return refuse(err, "a bad mode");
	stat->mode = mode;
	stat->uid = uid;
	stat->gid = gid;
	if (records->mtime)
		return parse_time(records->mtime, &stat->mtime, err);
	if (get_octal(header->mtime, sizeof header->mtime, &sec, err) < 0)
		return -1;
	stat->mtime.sec = sec;
	return 0;
}

static int get_device(const struct records *records, const struct tar_header *header,
		      struct fs_stat *stat, struct error *err)
{
	uint64_t major, minor;

	if (get_number(records->device_major, header->device_major, sizeof header->device_major,
		       UINT32_MAX, &major, err) < 0 ||
	    get_number(records->device_minor, header->device_minor, sizeof header->device_minor,
		       UINT32_MAX, &minor, err) < 0)
		return -1;
	stat->rdev_major = major;
	stat->rdev_minor = minor;
	return 0;
}

static int get_type(const struct records *records, char type, struct layer_entry *entry,
		    struct error *err)
{
	static const char types[] = "0123456";
	static const mode_t modes[] = {S_IFREG, S_IFREG, S_IFLNK, S_IFCHR,
				       S_IFBLK, S_IFDIR, S_IFIFO};
	const char *at = type ? strchr(types, type) : NULL;

	if (!at)
		return refuse(err, "an unknown member type");
	entry->action = type == '1'	    ? LAYER_LINK
			: records->metadata ? LAYER_METADATA
					    : LAYER_REPLACE;
	if (type != '1')
		entry->stat.mode |= records->socket ? S_IFSOCK : modes[at - types];
	entry->opaque = records->opaque != NULL;
	if ((records->socket && type != '0') || (entry->opaque && type != '5') ||
	    (entry->opaque && records->metadata))
		return refuse(err, "marks that do not fit");
	return 0;
}

static char *field_text(const char *record, const char *field, size_t size)
{
	return record ? xstrdup(record) : xstrndup(field, size);
}

/* "./" is the root; a directory's name ends in '/'. */
static char *path_of_name(const char *name, bool directory)
{
	size_t len = strlen(name);

	if (strcmp(name, "./") == 0)
		return xstrdup("/");
	if (directory && len > 0 && name[len - 1] == '/')
		len--;
	return xasprintf("/%.*s", (int)len, name);
}

static int get_target(const struct records *records, const struct tar_header *header,
		      struct layer_entry *entry, struct error *err)
{
	char *text = field_text(records->link_path, header->link_name, sizeof header->link_name);

	if (header->type == '1') {
		entry->target = path_of_name(text, false);
		free(text);
		if (!layer_path_valid(entry->target) || strcmp(entry->target, entry->path) >= 0)
			return refuse(err, "a link to what is not before it");
		return 0;
	}
	entry->target = text;
	if (*text == '\0')
		return refuse(err, "an empty link");
	entry->stat.size = strlen(text);
	return 0;
}

/* The content of a member as it lies in the stream. */
struct body {
	uint64_t size; /* bytes in the stream, map included */
	bool sparse;
	uint64_t real_size;
};

static int get_body(const struct records *records, const struct tar_header *header,
		    struct layer_entry *entry, struct body *body, struct error *err)
{
	bool regular = entry->action == LAYER_REPLACE && S_ISREG(entry->stat.mode);

	if (get_number(records->size, header->size, sizeof header->size, INT64_MAX, &body->size,
		       err) < 0)
		return -1;
	if (body->size > 0 && !regular)
		return refuse(err, "content where none can be");
	if (regular != (records->sha256 != NULL) ||
	    (regular && !digest_from_hex(records->sha256, &entry->content)))
		return refuse(err, "a file without a good digest");
	body->real_size = body->size;
	body->sparse = records->sparse_major != NULL;
	if (body->sparse && (!regular || !records->sparse_size || !records->sparse_name ||
			     strcmp(records->sparse_major, "1") != 0))
		return refuse(err, "a bad sparse file");
	if (body->sparse &&
	    parse_number(records->sparse_size, 10, INT64_MAX, &body->real_size, err) < 0)
		return -1;
	if (regular)
		entry->stat.size = body->real_size;
	return 0;
}

/* "DIR/.wh.NAME", an empty file. */
static int make_whiteout(const struct tar_header *header, struct layer_entry *entry,
			 struct error *err)
{
	char *name = strrchr(entry->path, '/') + 1;
	uint64_t size;

	if (header->type != '0')
		return refuse(err, "a whiteout of a kind of its own");
	if (get_octal(header->size, sizeof header->size, &size, err) < 0)
		return -1;
	if (size != 0)
		return refuse(err, "content where none can be");
	memmove(name, name + strlen(TAR_WHITEOUT), strlen(name + strlen(TAR_WHITEOUT)) + 1);
	entry->action = LAYER_REMOVE;
	return *name ? 0 : refuse(err, "an empty whiteout");
}

static bool is_whiteout(const char *path)
{
	return strncmp(strrchr(path, '/') + 1, TAR_WHITEOUT, strlen(TAR_WHITEOUT)) == 0;
}

static int get_path(struct records *records, const struct tar_header *header,
		    struct layer_entry *entry, struct error *err)
{
	const char *record = records->sparse_name ? records->sparse_name : records->path;
	CLEANUP_FREE char *name = field_text(record, header->name, sizeof header->name);

	if (strlen(name) > LAYER_PATH_MAX)
		return refuse(err, "a path that is too long");
	entry->path = path_of_name(name, header->type == '5');
	if (!layer_path_valid(entry->path))
		return refuse(err, "a path that leaves the guest");
	return 0;
}

static int parse_member(struct records *records, const struct tar_header *header,
			struct layer_entry *entry, struct body *body, struct error *err)
{
	uint64_t flags = 0;

	if (get_path(records, header, entry, err) < 0)
		return -1;
	if (is_whiteout(entry->path))
		return make_whiteout(header, entry, err);
	if (get_owner(records, header, &entry->stat, err) < 0 ||
	    get_type(records, header->type, entry, err) < 0 ||
	    get_body(records, header, entry, body, err) < 0)
		return -1;
	if (layer_path_reserved(entry->path))
		return refuse(err, "a path below a whiteout");
	if ((header->type == '3' || header->type == '4') &&
	    get_device(records, header, &entry->stat, err) < 0)
		return -1;
	if (records->flags && parse_number(records->flags, 16, UINT32_MAX, &flags, err) < 0)
		return -1;
	entry->stat.flags = flags;
	entry->xattrs = records->xattrs;
	records->xattrs = (struct fs_xattrs){0};
	if (header->type == '1' || header->type == '2')
		return get_target(records, header, entry, err);
	return 0;
}

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
	return memcmp(reader->chunk, zeros, pad) == 0 ? 0 : refuse(err, "padding that is not zero");
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
			return parse_number(text, 10, limit, ret, err);
		}
	}
	return refuse(err, "a bad sparse map");
}

static int read_map(struct reader *reader, const struct body *body, struct segments *ret,
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
			return refuse(err, "a sparse map out of order");
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
		return refuse(err, "a sparse file of another size than its map");
	for (size_t i = 0; i < segments->n_items; i++)
		if (read_piece(reader, segments->items[i].start, segments->items[i].end, err) < 0)
			return -1;
	return 0;
}

static int read_body(struct reader *reader, const struct body *body, struct error *err)
{
	struct segments segments = {0};
	uint64_t taken = 0;
	int status;

	if (!body->sparse)
		status = read_piece(reader, 0, body->size, err);
	else if ((status = read_map(reader, body, &segments, &taken, err)) == 0)
		status = taken <= body->size
				 ? read_pieces(reader, &segments, body->size - taken, err)
				 : refuse(err, "a bad sparse map");
	segments_free(&segments);
	return status < 0 ? -1 : skip_padding(reader, body->size, err);
}

/* An opaque directory's marker says again what its record said. */
static int check_marker(struct reader *reader, const char *path, struct error *err)
{
	CLEANUP_FREE char *expected = steal(reader->opaque);
	CLEANUP_FREE char *marker =
		xasprintf("%s/%s", expected[1] ? expected : "", &TAR_OPAQUE[strlen(TAR_WHITEOUT)]);

	return strcmp(path, marker) == 0 ? 0 : refuse(err, "an opaque directory without marker");
}

static int check_order(struct reader *reader, const char *path, struct error *err)
{
	if (reader->last_path && strcmp(reader->last_path, path) >= 0)
		return refuse(err, "paths out of order");
	free(reader->last_path);
	reader->last_path = xstrdup(path);
	return 0;
}

static int deliver(struct reader *reader, const struct layer_entry *entry, const struct body *body,
		   struct error *err)
{
	if (reader->opaque)
		return check_marker(reader, entry->path, err);
	if (layer_path_reserved(entry->path))
		return refuse(err, "a whiteout of a whiteout");
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
	    get_octal(header->checksum, 6, &sum, err) < 0 || sum != tar_checksum(header))
		return refuse(err, "a damaged header");
	return 1;
}

static int read_records(struct reader *reader, const struct tar_header *header,
			struct records *records, struct error *err)
{
	CLEANUP_FREE char *data = NULL;
	uint64_t size;

	if (get_octal(header->size, sizeof header->size, &size, err) < 0)
		return -1;
	if (size > TAR_PAX_MAX)
		return refuse(err, "too many records");
	data = xmalloc(size);
	if (read_bytes(reader, data, size, err) < 0 || skip_padding(reader, size, err) < 0)
		return -1;
	return parse_records(records, data, size, err);
}

static int read_member(struct reader *reader, struct records *records,
		       const struct tar_header *header, struct error *err)
{
	struct layer_entry entry = {0};
	struct body body = {0};
	int status = parse_member(records, header, &entry, &body, err);

	if (status == 0)
		status = deliver(reader, &entry, &body, err);
	layer_entry_clear(&entry);
	return status;
}

/* 1 after a member, 0 at the end. */
static int read_next(struct reader *reader, struct records *records, struct error *err)
{
	struct tar_header header;
	int more = read_header(reader, &header, err);

	if (more > 0 && header.type == 'x') {
		if (read_records(reader, &header, records, err) < 0)
			return -1;
		more = read_header(reader, &header, err);
		if (more == 0 || (more > 0 && header.type == 'x'))
			return refuse(err, "records without a member");
	}
	if (more <= 0)
		return more;
	return read_member(reader, records, &header, err) < 0 ? -1 : 1;
}

static int read_end(struct reader *reader, struct error *err)
{
	if (reader->opaque)
		return refuse(err, "an opaque directory without marker");
	if (read_bytes(reader, reader->chunk, TAR_BLOCK, err) < 0)
		return -1;
	return memcmp(reader->chunk, zeros, TAR_BLOCK) == 0 ? 0 : refuse(err, "a damaged end");
}

int tar_read(const struct tar_source *source, const struct layer_visitor *visitor,
	     struct error *err)
{
	struct reader reader = {.source = source, .visitor = visitor};
	struct records records = {0};
	int more;

	reader.chunk = xmalloc(CHUNK);
	do {
		more = read_next(&reader, &records, err);
		records_clear(&records);
	} while (more > 0);
	if (more == 0)
		more = read_end(&reader, err);
	free(reader.chunk);
	free(reader.last_path);
	free(reader.opaque);
	return more;
}
