/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tar form of a layer (docs/layer.md): ustar blocks with pax extended headers (POSIX.1-2017,
 * pax "Extended Interchange Format"), in one canonical spelling, so that equal entries give equal
 * bytes.  A writer of our own, because libarchive neither writes nor reads records of ours
 * (COLDPATCH.*) and spells some things differently from version to version.
 */
#ifndef COLDPATCH_LAYER_TAR_H
#define COLDPATCH_LAYER_TAR_H

#include "layer/content.h"
#include "layer/entry.h"

/* Where the writer's bytes go. */
struct tar_sink {
	int (*write)(void *opaque, const void *data, size_t len, struct error *err);
	void *opaque;
};

/* Writes the header of an entry, and its content if it has one (`content` is NULL otherwise). */
int tar_write_entry(const struct tar_sink *sink, const struct layer_entry *entry,
		    const struct content *content, const struct segments *segments,
		    struct error *err);
int tar_write_end(const struct tar_sink *sink, struct error *err);

/* Fills `data` completely, or fails: ERROR_TRUST when the stream ends before. */
struct tar_source {
	int (*read)(void *opaque, void *data, size_t len, struct error *err);
	void *opaque;
};

/* Reads all entries up to the end blocks and gives them to the visitor.  Accepts only what the
 * writer writes: ERROR_TRUST otherwise. */
int tar_read(const struct tar_source *source, const struct layer_visitor *visitor,
	     struct error *err);

/* The record names that are ours, and limits. */
#define TAR_RECORD_METADATA "COLDPATCH.metadata"
#define TAR_RECORD_OPAQUE   "COLDPATCH.opaque"
#define TAR_RECORD_FLAGS    "COLDPATCH.flags"
#define TAR_RECORD_SHA256   "COLDPATCH.sha256"
#define TAR_RECORD_SOCKET   "COLDPATCH.socket"
#define TAR_WHITEOUT	    ".wh."
#define TAR_OPAQUE	    ".wh..wh..opq"

enum {
	TAR_BLOCK = 512,
	TAR_PAX_MAX = 16 << 20,	    /* bytes of records of one entry */
	TAR_SEGMENTS_MAX = 1 << 20, /* pieces of one sparse file */
};

/* POSIX ustar header block. */
struct tar_header {
	char name[100];
	char mode[8], uid[8], gid[8];
	char size[12], mtime[12];
	char checksum[8];
	char type;
	char link_name[100];
	char magic[6], version[2];
	char user[32], group[32];
	char device_major[8], device_minor[8];
	char prefix[155];
	char padding[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a tar header is one block");

/* The sum over the header with its checksum field taken as spaces. */
unsigned tar_checksum(const struct tar_header *header);

#endif
