/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One member of a layer's tar: its pax records and header block, made into an entry. */
#ifndef COLDPATCH_LAYER_TAR_MEMBER_H
#define COLDPATCH_LAYER_TAR_MEMBER_H

#include "layer/tar.h"

/* One pax extended header; NULL: not in it. */
struct tar_records {
	char *path, *link_path, *sparse_name;
	char *charset, *flags, *mtime, *sha256, *metadata, *opaque, *socket;
	char *uid, *gid, *size, *device_major, *device_minor;
	char *sparse_major, *sparse_minor, *sparse_size;
	struct fs_xattrs xattrs;
};

/* The content of a member as it lies in the stream. */
struct tar_body {
	uint64_t size; /* bytes in the stream, map included */
	bool sparse;
	uint64_t real_size;
};

/* ERROR_TRUST "not a layer: WHAT". */
int tar_refuse(struct error *err, const char *what);
/* Digits only, at most `limit`. */
int tar_parse_number(const char *text, unsigned base, uint64_t limit, uint64_t *ret,
		     struct error *err);
int tar_get_octal(const char *field, size_t size, uint64_t *ret, struct error *err);

int tar_records_parse(struct tar_records *records, const char *data, size_t size,
		      struct error *err);
void tar_records_clear(struct tar_records *records);

/* Takes the attributes out of the records.  *entry is to be cleared by the caller, also after a
 * failure.  A whiteout of an opaque directory comes out as LAYER_REMOVE of "/DIR/.wh..opq". */
int tar_member_parse(struct tar_records *records, const struct tar_header *header,
		     struct layer_entry *entry, struct tar_body *body, struct error *err);

#endif
