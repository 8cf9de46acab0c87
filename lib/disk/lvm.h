/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parsers of LVM2's on-disk format, over bytes.  Private to lib/disk.
 *
 * There is no standard; the documents are lvm(8), lvmsystemid(7) and the LVM2 sources:
 * lib/label/label.h (label), lib/format_text/layout.h (PV header, metadata area),
 * lib/format_text/import_vsn1.c (what the text means), libdm/libdm-config.c (its grammar).
 */
#ifndef COLDPATCH_DISK_LVM_H
#define COLDPATCH_DISK_LVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

enum {
	LVM_SECTOR = 512,
	LVM_LABEL_SECTORS = 4, /* the label is in one of the first four */
	LVM_UUID_SIZE = 39,    /* 32 characters, 6 dashes, NUL */
	LVM_MAX_AREAS = 8,
	LVM_TEXT_LIMIT = 16 << 20,
	LVM_MAX_NODES = 1 << 19,
	LVM_MAX_DEPTH = 8,
	LVM_MAX_SEGMENTS = 1 << 16,
	LVM_NAME_LIMIT = 127,
};

/* LVM's checksum: CRC-32 with a start value of its own and no inversion at the end. */
uint32_t lvm_crc(const uint8_t *data, size_t len);

struct lvm_area {
	uint64_t offset, size; /* bytes of the device */
};

/* What the device says of itself. */
struct lvm_label {
	char uuid[LVM_UUID_SIZE];	      /* "xxxxxx-xxxx-xxxx-xxxx-xxxx-xxxx-xxxxxx" */
	struct lvm_area areas[LVM_MAX_AREAS]; /* of metadata */
	size_t n_areas;
};

/* `buf` is the start of the device.  1 when there is a label, 0 when there is none; ERROR_IMAGE: it
 * is damaged. */
int lvm_label_parse(const uint8_t *buf, size_t len, struct lvm_label *ret, struct error *err);

/* The metadata text in an area: a run of bytes of the device that may go on at the start of the
 * area. */
struct lvm_text_place {
	struct lvm_area parts[2];
	size_t n_parts; /* 0: none */
	uint32_t checksum;
};

/* `buf` is the first sector of `area`. */
int lvm_area_parse(const uint8_t *buf, size_t len, const struct lvm_area *area,
		   struct lvm_text_place *ret, struct error *err);

/* The text: sections of `name = value`. */
enum lvm_kind { LVM_OTHER, LVM_NUMBER, LVM_STRING, LVM_LIST, LVM_SECTION };

struct lvm_node {
	char *name; /* NULL for an item of a list */
	enum lvm_kind kind;
	uint64_t number;	/* LVM_NUMBER */
	char *text;		/* LVM_STRING */
	struct lvm_node *items; /* of a list or section */
	size_t n_items;
};

/* The outermost section, which has no name.  ERROR_IMAGE names the line. */
struct lvm_node *lvm_text_parse(const char *buf, size_t len, struct error *err);
void lvm_node_free(struct lvm_node *node);
DEFINE_CLEANUP(struct lvm_node, lvm_node_free)
/* NULL when a section has none of that name and kind. */
const struct lvm_node *lvm_node_find(const struct lvm_node *section, const char *name,
				     enum lvm_kind kind);

/* A volume group, as the text has it.  Offsets and sizes are of bytes. */
struct lvm_pv {
	char *name; /* "pv0", within the text only */
	char uuid[LVM_UUID_SIZE];
	uint64_t start, size; /* of the extents */
	bool missing;
};

struct lvm_segment {
	size_t pv;	       /* index */
	uint64_t offset, size; /* on the PV */
};

struct lvm_lv {
	char *name;
	char uuid[LVM_UUID_SIZE];
	bool visible;
	uint64_t size;
	struct lvm_segment *segments; /* in order; not all of it when why_not_read */
	size_t n_segments;
	char *why_not_read, *why_not_write; /* a clause about the volume, or NULL */
};

struct lvm_group {
	char *name;
	char uuid[LVM_UUID_SIZE];
	uint64_t seqno;
	struct lvm_pv *pvs;
	size_t n_pvs;
	struct lvm_lv *lvs;
	size_t n_lvs;
	char *why_not_read, *why_not_write; /* a clause about the group, or NULL */
};

/* ERROR_IMAGE: what the text says cannot be. */
struct lvm_group *lvm_group_parse(const char *buf, size_t len, struct error *err);
void lvm_group_free(struct lvm_group *group);
DEFINE_CLEANUP(struct lvm_group, lvm_group_free)

#endif
