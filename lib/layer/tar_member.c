/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "layer/tar_member.h"

static const struct record_name {
	const char *key;
	size_t offset;
} record_names[] = {
	{"hdrcharset", offsetof(struct tar_records, charset)},
	{"path", offsetof(struct tar_records, path)},
	{"linkpath", offsetof(struct tar_records, link_path)},
	{"uid", offsetof(struct tar_records, uid)},
	{"gid", offsetof(struct tar_records, gid)},
	{"size", offsetof(struct tar_records, size)},
	{"mtime", offsetof(struct tar_records, mtime)},
	{"SCHILY.devmajor", offsetof(struct tar_records, device_major)},
	{"SCHILY.devminor", offsetof(struct tar_records, device_minor)},
	{"GNU.sparse.major", offsetof(struct tar_records, sparse_major)},
	{"GNU.sparse.minor", offsetof(struct tar_records, sparse_minor)},
	{"GNU.sparse.name", offsetof(struct tar_records, sparse_name)},
	{"GNU.sparse.realsize", offsetof(struct tar_records, sparse_size)},
	{TAR_RECORD_FLAGS, offsetof(struct tar_records, flags)},
	{TAR_RECORD_METADATA, offsetof(struct tar_records, metadata)},
	{TAR_RECORD_OPAQUE, offsetof(struct tar_records, opaque)},
	{TAR_RECORD_SHA256, offsetof(struct tar_records, sha256)},
	{TAR_RECORD_SOCKET, offsetof(struct tar_records, socket)},
};

static char **record_field(struct tar_records *records, size_t i)
{
	return (char **)(void *)((char *)records + record_names[i].offset);
}

void tar_records_clear(struct tar_records *records)
{
	for (size_t i = 0; i < sizeof record_names / sizeof *record_names; i++)
		free(*record_field(records, i));
	fs_xattrs_free(&records->xattrs);
	*records = (struct tar_records){0};
}

int tar_refuse(struct error *err, const char *what)
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

static int records_add_xattr(struct tar_records *records, const char *key, const char *value,
			     size_t size, struct error *err)
{
	struct fs_xattrs *xattrs = &records->xattrs;
	CLEANUP_FREE char *name = NULL;

	if (*key == '\0')
		return tar_refuse(err, "an attribute without a name");
	name = decode_xattr_name(key);
	if (xattrs->n_items > 0 && strcmp(xattrs->items[xattrs->n_items - 1].name, name) >= 0)
		return tar_refuse(err, "attributes out of order");
	layer_xattrs_add(xattrs, name, value, size);
	return 0;
}

static int records_add(struct tar_records *records, const char *key, const char *value, size_t size,
		       struct error *err)
{
	static const char xattr[] = "SCHILY.xattr.";

	if (strncmp(key, xattr, strlen(xattr)) == 0)
		return records_add_xattr(records, key + strlen(xattr), value, size, err);
	if (memchr(value, '\0', size))
		return tar_refuse(err, "a NUL in a record");
	for (size_t i = 0; i < sizeof record_names / sizeof *record_names; i++) {
		char **field = record_field(records, i);

		if (strcmp(key, record_names[i].key) != 0)
			continue;
		if (*field)
			return tar_refuse(err, "a record twice");
		*field = xstrndup(value, size);
		return 0;
	}
	return tar_refuse(err, "an unknown record");
}

/* The record at the start of `data`; *ret_len is how much of it it takes. */
static int parse_record(struct tar_records *records, const char *data, size_t left, size_t *ret_len,
			struct error *err)
{
	CLEANUP_FREE char *key = NULL;
	size_t len = 0, at = 0;
	const char *equals;

	for (; at < left && at < 9 && data[at] >= '0' && data[at] <= '9'; at++)
		len = len * 10 + (data[at] - '0');
	if (at == 0 || at >= left || data[at] != ' ' || len > left || len < at + 3 ||
	    data[len - 1] != '\n')
		return tar_refuse(err, "a damaged record");
	at++;
	equals = memchr(data + at, '=', len - 1 - at);
	if (!equals)
		return tar_refuse(err, "a record without a value");
	key = xstrndup(data + at, equals - (data + at));
	*ret_len = len;
	return records_add(records, key, equals + 1, data + len - 1 - (equals + 1), err);
}

int tar_records_parse(struct tar_records *records, const char *data, size_t size, struct error *err)
{
	size_t len = 0;

	for (size_t at = 0; at < size; at += len)
		if (parse_record(records, data + at, size - at, &len, err) < 0)
			return -1;
	return 0;
}

int tar_parse_number(const char *text, unsigned base, uint64_t limit, uint64_t *ret,
		     struct error *err)
{
	char *end;
	unsigned long long value;

	if (*text == '\0' || *text == '-' || *text == '+' || *text == ' ')
		return tar_refuse(err, "a bad number");
	errno = 0;
	value = strtoull(text, &end, base);
	if (errno || *end || value > limit)
		return tar_refuse(err, "a bad number");
	*ret = value;
	return 0;
}

int tar_get_octal(const char *field, size_t size, uint64_t *ret, struct error *err)
{
	CLEANUP_FREE char *text = xstrndup(field, size);

	return tar_parse_number(text, 8, UINT64_MAX, ret, err);
}

/* The record when there is one, else the header's field. */
static int get_number(const char *record, const char *field, size_t size, uint64_t limit,
		      uint64_t *ret, struct error *err)
{
	if (record)
		return tar_parse_number(record, 10, limit, ret, err);
	return tar_get_octal(field, size, ret, err);
}

/* "[-]SEC.NNNNNNNNN" */
static int parse_time(const char *text, struct fs_time *ret, struct error *err)
{
	bool negative = *text == '-';
	const char *dot = strchr(text, '.');
	CLEANUP_FREE char *whole = NULL;
	uint64_t sec, nsec;

	if (!dot || strlen(dot) != 10)
		return tar_refuse(err, "a bad time");
	whole = xstrndup(text + negative, dot - text - negative);
	if (tar_parse_number(whole, 10, INT64_MAX - 1, &sec, err) < 0 ||
	    tar_parse_number(dot + 1, 10, 999999999, &nsec, err) < 0)
		return -1;
	ret->sec = negative ? -(int64_t)sec - (nsec > 0) : (int64_t)sec;
	ret->nsec = negative && nsec > 0 ? 1000000000 - nsec : nsec;
	return 0;
}

static int get_owner(const struct tar_records *records, const struct tar_header *header,
		     struct fs_stat *stat, struct error *err)
{
	uint64_t mode, uid, gid, sec;

	if (tar_get_octal(header->mode, sizeof header->mode, &mode, err) < 0 ||
	    get_number(records->uid, header->uid, sizeof header->uid, UINT32_MAX, &uid, err) < 0 ||
	    get_number(records->gid, header->gid, sizeof header->gid, UINT32_MAX, &gid, err) < 0)
		return -1;
	if (mode > 07777)
		return tar_refuse(err, "a bad mode");
	stat->mode = mode;
	stat->uid = uid;
	stat->gid = gid;
	if (records->mtime)
		return parse_time(records->mtime, &stat->mtime, err);
	if (tar_get_octal(header->mtime, sizeof header->mtime, &sec, err) < 0)
		return -1;
	stat->mtime.sec = sec;
	return 0;
}

static int get_device(const struct tar_records *records, const struct tar_header *header,
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

static int get_type(const struct tar_records *records, char type, struct layer_entry *entry,
		    struct error *err)
{
	static const char types[] = "0123456";
	static const mode_t modes[] = {S_IFREG, S_IFREG, S_IFLNK, S_IFCHR,
				       S_IFBLK, S_IFDIR, S_IFIFO};
	const char *at = type ? strchr(types, type) : NULL;

	if (!at)
		return tar_refuse(err, "an unknown member type");
	entry->action = type == '1'	    ? LAYER_LINK
			: records->metadata ? LAYER_METADATA
					    : LAYER_REPLACE;
	if (type != '1')
		entry->stat.mode |= records->socket ? S_IFSOCK : modes[at - types];
	entry->opaque = records->opaque != NULL;
	if ((records->socket && type != '0') || (entry->opaque && type != '5') ||
	    (entry->opaque && records->metadata))
		return tar_refuse(err, "marks that do not fit");
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

static int get_target(const struct tar_records *records, const struct tar_header *header,
		      struct layer_entry *entry, struct error *err)
{
	char *text = field_text(records->link_path, header->link_name, sizeof header->link_name);

	if (header->type == '1') {
		entry->target = path_of_name(text, false);
		free(text);
		if (!layer_path_valid(entry->target) || strcmp(entry->target, entry->path) >= 0)
			return tar_refuse(err, "a link to what is not before it");
		return 0;
	}
	entry->target = text;
	if (*text == '\0')
		return tar_refuse(err, "an empty link");
	entry->stat.size = strlen(text);
	return 0;
}

static int get_body(const struct tar_records *records, const struct tar_header *header,
		    struct layer_entry *entry, struct tar_body *body, struct error *err)
{
	bool regular = entry->action == LAYER_REPLACE && S_ISREG(entry->stat.mode);

	if (get_number(records->size, header->size, sizeof header->size, INT64_MAX, &body->size,
		       err) < 0)
		return -1;
	if (body->size > 0 && !regular)
		return tar_refuse(err, "content where none can be");
	if (regular != (records->sha256 != NULL) ||
	    (regular && !digest_from_hex(records->sha256, &entry->content)))
		return tar_refuse(err, "a file without a good digest");
	body->real_size = body->size;
	body->sparse = records->sparse_major != NULL;
	if (body->sparse && (!regular || !records->sparse_size || !records->sparse_name ||
			     strcmp(records->sparse_major, "1") != 0))
		return tar_refuse(err, "a bad sparse file");
	if (body->sparse &&
	    tar_parse_number(records->sparse_size, 10, INT64_MAX, &body->real_size, err) < 0)
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
		return tar_refuse(err, "a whiteout of a kind of its own");
	if (tar_get_octal(header->size, sizeof header->size, &size, err) < 0)
		return -1;
	if (size != 0)
		return tar_refuse(err, "content where none can be");
	memmove(name, name + strlen(TAR_WHITEOUT), strlen(name + strlen(TAR_WHITEOUT)) + 1);
	entry->action = LAYER_REMOVE;
	return *name ? 0 : tar_refuse(err, "an empty whiteout");
}

static bool is_whiteout(const char *path)
{
	return strncmp(strrchr(path, '/') + 1, TAR_WHITEOUT, strlen(TAR_WHITEOUT)) == 0;
}

static int get_path(struct tar_records *records, const struct tar_header *header,
		    struct layer_entry *entry, struct error *err)
{
	const char *record = records->sparse_name ? records->sparse_name : records->path;
	CLEANUP_FREE char *name = field_text(record, header->name, sizeof header->name);

	if (strlen(name) > LAYER_PATH_MAX)
		return tar_refuse(err, "a path that is too long");
	entry->path = path_of_name(name, header->type == '5');
	if (!layer_path_valid(entry->path))
		return tar_refuse(err, "a path that leaves the guest");
	return 0;
}

int tar_member_parse(struct tar_records *records, const struct tar_header *header,
		     struct layer_entry *entry, struct tar_body *body, struct error *err)
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
		return tar_refuse(err, "a path below a whiteout");
	if ((header->type == '3' || header->type == '4') &&
	    get_device(records, header, &entry->stat, err) < 0)
		return -1;
	if (records->flags && tar_parse_number(records->flags, 16, UINT32_MAX, &flags, err) < 0)
		return -1;
	entry->stat.flags = flags;
	entry->xattrs = records->xattrs;
	records->xattrs = (struct fs_xattrs){0};
	if (header->type == '1' || header->type == '2')
		return get_target(records, header, entry, err);
	return 0;
}
