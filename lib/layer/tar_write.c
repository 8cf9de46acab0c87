/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "layer/tar.h"

#define OCTAL_7	 07777777ULL
#define OCTAL_11 077777777777ULL

static const char zeros[2 * TAR_BLOCK];

unsigned tar_checksum(const struct tar_header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof *header; i++)
		sum += bytes[i];
	for (size_t i = 0; i < sizeof header->checksum; i++)
		sum += ' ' - (unsigned char)header->checksum[i];
	return sum;
}

/* size - 1 digits; what does not fit is in a pax record and 0 here. */
static void put_octal(char *field, size_t size, uint64_t value)
{
	uint64_t limit = 1ULL << (3 * (size - 1));

	if (value >= limit)
		value = 0;
	for (size_t i = size - 1; i-- > 0; value >>= 3)
		field[i] = '0' + (value & 7);
}

static void put_text(char *field, size_t size, const char *text)
{
	size_t len = strlen(text);

	memcpy(field, text, len < size ? len : size);
}

/* "LEN KEY=VALUE\n", where LEN counts itself. */
static void put_record(struct buffer *records, const char *key, const void *value, size_t size)
{
	size_t rest = strlen(key) + size + 3, len = rest, digits;

	for (digits = 1;; digits++) {
		CLEANUP_FREE char *text = xasprintf("%zu", rest + digits);

		len = rest + digits;
		if (strlen(text) == digits)
			break;
	}
	buffer_printf(records, "%zu %s=", len, key);
	buffer_append(records, value, size);
	buffer_putc(records, '\n');
}

static void put_text_record(struct buffer *records, const char *key, const char *value)
{
	put_record(records, key, value, strlen(value));
}

static void put_number_record(struct buffer *records, const char *key, uint64_t value)
{
	CLEANUP_FREE char *text = xasprintf("%llu", (unsigned long long)value);

	put_text_record(records, key, text);
}

static void put_time_record(struct buffer *records, const struct fs_time *time)
{
	CLEANUP_FREE char *text = NULL;
	uint64_t sec = time->sec < 0 ? -(uint64_t)time->sec : (uint64_t)time->sec;
	uint32_t nsec = time->nsec;

	if (time->sec < 0 && nsec > 0) {
		sec--;
		nsec = 1000000000 - nsec;
	}
	text = xasprintf("%s%llu.%09u", time->sec < 0 ? "-" : "", (unsigned long long)sec, nsec);
	put_text_record(records, "mtime", text);
}

/* A record name may hold no '=' (POSIX); GNU tar spells it and '%' so. */
static void put_xattr_record(struct buffer *records, const struct fs_xattr *xattr)
{
	CLEANUP_BUFFER struct buffer key = {0};

	buffer_puts(&key, "SCHILY.xattr.");
	for (const char *c = xattr->name; *c; c++) {
		if (*c == '%')
			buffer_puts(&key, "%25");
		else if (*c == '=')
			buffer_puts(&key, "%3D");
		else
			buffer_putc(&key, *c);
	}
	put_record(records, key.data, xattr->value, xattr->size);
}

static bool plain_text(const char *text, size_t limit)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e)
			return false;
	return len <= limit;
}

static bool is_utf8(const char *text)
{
	CLEANUP_JSON json_t *string = json_string(text);

	return string != NULL;
}

/* What becomes the header block and the records of one member. */
struct member {
	struct tar_header header;
	struct buffer records;
	uint64_t size; /* of the data that follows */
};

static void member_set_path(struct member *member, const char *key, const char *path, char *field,
			    size_t field_size)
{
	put_text(field, field_size, path);
	if (!plain_text(path, field_size))
		put_text_record(&member->records, key, path);
}

static void member_set_owner(struct member *member, const struct fs_stat *stat)
{
	put_octal(member->header.mode, sizeof member->header.mode, stat->mode & 07777);
	put_octal(member->header.uid, sizeof member->header.uid, stat->uid);
	put_octal(member->header.gid, sizeof member->header.gid, stat->gid);
	if (stat->uid > OCTAL_7)
		put_number_record(&member->records, "uid", stat->uid);
	if (stat->gid > OCTAL_7)
		put_number_record(&member->records, "gid", stat->gid);
}

static void member_set_time(struct member *member, const struct fs_time *time)
{
	bool fits = time->sec >= 0 && (uint64_t)time->sec <= OCTAL_11;

	put_octal(member->header.mtime, sizeof member->header.mtime, fits ? time->sec : 0);
	if (!fits || time->nsec != 0)
		put_time_record(&member->records, time);
}

static void member_set_device(struct member *member, const struct fs_stat *stat)
{
	struct tar_header *header = &member->header;

	put_octal(header->device_major, sizeof header->device_major, stat->rdev_major);
	put_octal(header->device_minor, sizeof header->device_minor, stat->rdev_minor);
	if (stat->rdev_major > OCTAL_7)
		put_number_record(&member->records, "SCHILY.devmajor", stat->rdev_major);
	if (stat->rdev_minor > OCTAL_7)
		put_number_record(&member->records, "SCHILY.devminor", stat->rdev_minor);
}

static char type_of(const struct layer_entry *entry)
{
	if (entry->action == LAYER_LINK)
		return '1';
	switch (entry->stat.mode & S_IFMT) {
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

static void member_set_marks(struct member *member, const struct layer_entry *entry)
{
	struct buffer *records = &member->records;
	char hex[DIGEST_HEX_SIZE];

	if (entry->stat.flags) {
		CLEANUP_FREE char *flags = xasprintf("%x", entry->stat.flags);

		put_text_record(records, TAR_RECORD_FLAGS, flags);
	}
	if (entry->action == LAYER_METADATA)
		put_text_record(records, TAR_RECORD_METADATA, "1");
	if (entry->opaque)
		put_text_record(records, TAR_RECORD_OPAQUE, "1");
	if (S_ISSOCK(entry->stat.mode))
		put_text_record(records, TAR_RECORD_SOCKET, "1");
	if (entry->action == LAYER_REPLACE && S_ISREG(entry->stat.mode)) {
		digest_to_hex(&entry->content, hex);
		put_text_record(records, TAR_RECORD_SHA256, hex);
	}
}

/* GNU sparse format 1.0: the data begins with the map, padded to a block. */
static void member_set_sparse(struct member *member, const struct layer_entry *entry,
			      const char *name, const struct segments *segments,
			      struct buffer *ret_map)
{
	CLEANUP_FREE char *alias = xasprintf("GNUSparseFile.0/%s", name);
	bool ends_in_hole = segments->n_items == 0 ||
			    segments->items[segments->n_items - 1].end < entry->stat.size;
	size_t pad;

	put_text_record(&member->records, "GNU.sparse.major", "1");
	put_text_record(&member->records, "GNU.sparse.minor", "0");
	put_text_record(&member->records, "GNU.sparse.name", name);
	put_number_record(&member->records, "GNU.sparse.realsize", entry->stat.size);
	buffer_printf(ret_map, "%zu\n", segments->n_items + ends_in_hole);
	for (size_t i = 0; i < segments->n_items; i++) {
		const struct segment *segment = &segments->items[i];

		buffer_printf(ret_map, "%llu\n%llu\n", (unsigned long long)segment->start,
			      (unsigned long long)(segment->end - segment->start));
		member->size += segment->end - segment->start;
	}
	if (ends_in_hole)
		buffer_printf(ret_map, "%llu\n0\n", (unsigned long long)entry->stat.size);
	pad = (TAR_BLOCK - ret_map->len % TAR_BLOCK) % TAR_BLOCK;
	buffer_append(ret_map, zeros, pad);
	member->size += ret_map->len;
	memset(member->header.name, 0, sizeof member->header.name);
	put_text(member->header.name, sizeof member->header.name, alias);
}

static bool is_whole(const struct segments *segments, uint64_t size)
{
	if (size == 0)
		return true;
	return segments->n_items == 1 && segments->items[0].start == 0 &&
	       segments->items[0].end == size;
}

static int put_block(const struct tar_sink *sink, struct tar_header *header, struct error *err)
{
	CLEANUP_FREE char *sum = NULL;

	memcpy(header->magic, "ustar", 6);
	memcpy(header->version, "00", 2);
	sum = xasprintf("%06o", tar_checksum(header));
	memcpy(header->checksum, sum, 7);
	header->checksum[7] = ' ';
	return sink->write(sink->opaque, header, sizeof *header, err);
}

static int put_padding(const struct tar_sink *sink, uint64_t size, struct error *err)
{
	size_t pad = (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;

	return pad ? sink->write(sink->opaque, zeros, pad, err) : 0;
}

static int put_records(const struct tar_sink *sink, const char *name, const struct buffer *records,
		       struct error *err)
{
	CLEANUP_FREE char *path = xasprintf("PaxHeaders/%s", name);
	struct tar_header header = {0};

	if (records->len > TAR_PAX_MAX)
		return error_set(err, ERROR_IMAGE, "/%s: too much metadata", name);
	put_text(header.name, sizeof header.name, path);
	put_octal(header.mode, sizeof header.mode, 0644);
	put_octal(header.uid, sizeof header.uid, 0);
	put_octal(header.gid, sizeof header.gid, 0);
	put_octal(header.size, sizeof header.size, records->len);
	put_octal(header.mtime, sizeof header.mtime, 0);
	header.type = 'x';
	if (put_block(sink, &header, err) < 0 ||
	    sink->write(sink->opaque, records->data, records->len, err) < 0)
		return -1;
	return put_padding(sink, records->len, err);
}

static int put_member(const struct tar_sink *sink, const char *name, struct member *member,
		      struct error *err)
{
	struct tar_header *header = &member->header;

	put_octal(header->size, sizeof header->size, member->size);
	if (member->size > OCTAL_11)
		put_number_record(&member->records, "size", member->size);
	if (member->records.len > 0 && put_records(sink, name, &member->records, err) < 0)
		return -1;
	return put_block(sink, header, err);
}

/* A member without content or metadata of its own: whiteouts. */
static int put_marker(const struct tar_sink *sink, const char *name, struct error *err)
{
	struct member member = {0};
	struct fs_stat nothing = {0};
	int status;

	if (!is_utf8(name))
		put_text_record(&member.records, "hdrcharset", "BINARY");
	member_set_path(&member, "path", name, member.header.name, sizeof member.header.name);
	member_set_owner(&member, &nothing);
	member_set_time(&member, &nothing.mtime);
	member.header.type = '0';
	status = put_member(sink, name, &member, err);
	buffer_free(&member.records);
	return status;
}

static char *member_name(const struct layer_entry *entry)
{
	bool directory = entry->action != LAYER_LINK && S_ISDIR(entry->stat.mode);
	const char *slash = strrchr(entry->path, '/');

	if (entry->path[1] == '\0')
		return xstrdup("./");
	if (entry->action == LAYER_REMOVE)
		return xasprintf("%.*s" TAR_WHITEOUT "%s", (int)(slash - entry->path),
				 entry->path + 1, slash + 1);
	return xasprintf("%s%s", entry->path + 1, directory ? "/" : "");
}

struct piece_writer {
	const struct tar_sink *sink;
};

static int put_piece(void *opaque, const void *data, size_t len, uint64_t offset, struct error *err)
{
	const struct tar_sink *sink = ((struct piece_writer *)opaque)->sink;

	(void)offset;
	return sink->write(sink->opaque, data, len, err);
}

static int put_content(const struct tar_sink *sink, const struct content *content,
		       const struct segments *segments, const struct buffer *map, struct error *err)
{
	struct piece_writer writer = {sink};
	uint64_t size = 0;

	if (map->len > 0 && sink->write(sink->opaque, map->data, map->len, err) < 0)
		return -1;
	if (content_for_each(content, segments, put_piece, &writer, err) < 0)
		return -1;
	for (size_t i = 0; i < segments->n_items; i++)
		size += segments->items[i].end - segments->items[i].start;
	return put_padding(sink, size, err);
}

static void member_describe(struct member *member, const struct layer_entry *entry,
			    const char *name)
{
	const char *target = entry->target;

	if (!is_utf8(name) || (target && !is_utf8(target)))
		put_text_record(&member->records, "hdrcharset", "BINARY");
	member_set_path(member, "path", name, member->header.name, sizeof member->header.name);
	if (target && entry->action == LAYER_LINK)
		target++;
	if (target)
		member_set_path(member, "linkpath", target, member->header.link_name,
				sizeof member->header.link_name);
	member_set_owner(member, &entry->stat);
	member_set_time(member, &entry->stat.mtime);
	member->header.type = type_of(entry);
	if (entry->action == LAYER_LINK)
		return;
	if (S_ISCHR(entry->stat.mode) || S_ISBLK(entry->stat.mode))
		member_set_device(member, &entry->stat);
	for (size_t i = 0; i < entry->xattrs.n_items; i++)
		put_xattr_record(&member->records, &entry->xattrs.items[i]);
	member_set_marks(member, entry);
}

static int put_described(const struct tar_sink *sink, const struct layer_entry *entry,
			 const char *name, const struct content *content,
			 const struct segments *segments, struct error *err)
{
	struct member member = {0};
	CLEANUP_BUFFER struct buffer map = {0};
	int status;

	member_describe(&member, entry, name);
	if (content && is_whole(segments, content->size))
		member.size = content->size;
	else if (content)
		member_set_sparse(&member, entry, name, segments, &map);
	status = put_member(sink, name, &member, err);
	buffer_free(&member.records);
	if (status == 0 && content)
		status = put_content(sink, content, segments, &map, err);
	return status;
}

int tar_write_entry(const struct tar_sink *sink, const struct layer_entry *entry,
		    const struct content *content, const struct segments *segments,
		    struct error *err)
{
	CLEANUP_FREE char *name = member_name(entry);
	CLEANUP_FREE char *marker = NULL;

	if (content && segments->n_items >= TAR_SEGMENTS_MAX)
		return error_set(err, ERROR_IMAGE, "%s: too many holes", entry->path);
	if (entry->action == LAYER_REMOVE)
		return put_marker(sink, name, err);
	if (put_described(sink, entry, name, content, segments, err) < 0)
		return -1;
	if (!entry->opaque)
		return 0;
	marker = xasprintf("%s" TAR_OPAQUE, entry->path[1] ? name : "");
	return put_marker(sink, marker, err);
}

int tar_write_end(const struct tar_sink *sink, struct error *err)
{
	return sink->write(sink->opaque, zeros, sizeof zeros, err);
}
