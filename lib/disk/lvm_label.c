/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "disk/lvm.h"

enum {
	LABEL_CRC_FROM = 20, /* the checksum is over the rest of the sector from here */
	PV_UUID_LEN = 32,
	PV_LISTS = PV_UUID_LEN + 8, /* in the PV header, behind the device's size */
	LOCATION_SIZE = 16,
	AREA_CRC_FROM = 4,
	AREA_FIRST_TEXT = 40,
	AREA_TEXT_SIZE = 24,
	TEXT_IGNORED = 1,
};

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t le64(const uint8_t *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

uint32_t lvm_crc(const uint8_t *data, size_t len)
{
	uint32_t crc = 0xf597a6cf;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return crc;
}

static bool is_uuid_character(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '!' || c == '#';
}

static int format_uuid(const uint8_t *bytes, char ret[LVM_UUID_SIZE], struct error *err)
{
	char *to = ret;

	for (size_t i = 0; i < PV_UUID_LEN; i++) {
		if (!is_uuid_character(bytes[i]))
			return error_set(err, ERROR_IMAGE, "the UUID of its LVM label is none");
		if (i >= 6 && i < 30 && (i - 6) % 4 == 0)
			*to++ = '-';
		*to++ = (char)bytes[i];
	}
	*to = '\0';
	return 0;
}

/* A list of locations that one of zeros ends; the position behind it, or 0 when it is not ended. */
static size_t read_list(const uint8_t *sector, size_t at, struct lvm_area *areas, size_t *n_areas)
{
	for (; at + LOCATION_SIZE <= LVM_SECTOR; at += LOCATION_SIZE) {
		struct lvm_area area = {le64(sector + at), le64(sector + at + 8)};

		if (area.offset == 0)
			return at + LOCATION_SIZE;
		if (!areas)
			continue;
		if (*n_areas == LVM_MAX_AREAS)
			return 0;
		areas[(*n_areas)++] = area;
	}
	return 0;
}

static int read_header(const uint8_t *sector, struct lvm_label *ret, struct error *err)
{
	uint32_t at = le32(sector + 20);

	if (at < 32 || at > LVM_SECTOR - PV_LISTS)
		return error_set(err, ERROR_IMAGE, "its LVM label points outside of itself");
	if (format_uuid(sector + at, ret->uuid, err) < 0)
		return -1;
	at = (uint32_t)read_list(sector, at + PV_LISTS, NULL, NULL);
	if (!at || !read_list(sector, at, ret->areas, &ret->n_areas))
		return error_set(err, ERROR_IMAGE,
				 "the lists of areas in its LVM label do not end");
	return 0;
}

/* A label that was copied with its neighbourhood says another sector than it lies in. */
int lvm_label_parse(const uint8_t *buf, size_t len, struct lvm_label *ret, struct error *err)
{
	for (size_t i = 0; i < LVM_LABEL_SECTORS && (i + 1) * LVM_SECTOR <= len; i++) {
		const uint8_t *sector = buf + i * LVM_SECTOR;
		struct lvm_label label = {0};

		if (memcmp(sector, "LABELONE", 8) != 0 || memcmp(sector + 24, "LVM2 001", 8) != 0)
			continue;
		if (le64(sector + 8) != i)
			return error_set(err, ERROR_IMAGE, "its LVM label is of another sector");
		if (le32(sector + 16) !=
		    lvm_crc(sector + LABEL_CRC_FROM, LVM_SECTOR - LABEL_CRC_FROM))
			return error_set(err, ERROR_IMAGE,
					 "the checksum of its LVM label is wrong");
		if (read_header(sector, &label, err) < 0)
			return -1;
		*ret = label;
		return 1;
	}
	return 0;
}

/* Text starts behind the header, and what does not fit before the end of the area goes on there. */
static int place_text(const uint8_t *text, const struct lvm_area *area, struct lvm_text_place *ret,
		      struct error *err)
{
	uint64_t offset = le64(text), size = le64(text + 8);
	uint64_t first;

	if (offset == 0 || (le32(text + 20) & TEXT_IGNORED)) {
		*ret = (struct lvm_text_place){0};
		return 0;
	}
	if (offset < LVM_SECTOR || offset >= area->size || size == 0 || size > LVM_TEXT_LIMIT ||
	    size > area->size - LVM_SECTOR)
		return error_set(err, ERROR_IMAGE, "its LVM metadata lies outside of its area");
	first = size < area->size - offset ? size : area->size - offset;
	*ret = (struct lvm_text_place){.parts = {{area->offset + offset, first},
						 {area->offset + LVM_SECTOR, size - first}},
				       .n_parts = first < size ? 2 : 1,
				       .checksum = le32(text + 16)};
	return 0;
}

int lvm_area_parse(const uint8_t *buf, size_t len, const struct lvm_area *area,
		   struct lvm_text_place *ret, struct error *err)
{
	static const char magic[] = " LVM2 x[5A%r0N*>";
	uint64_t end;

	if (len < LVM_SECTOR || memcmp(buf + 4, magic, sizeof magic - 1) != 0)
		return error_set(err, ERROR_IMAGE, "its LVM metadata area has no header");
	if (le32(buf) != lvm_crc(buf + AREA_CRC_FROM, LVM_SECTOR - AREA_CRC_FROM))
		return error_set(err, ERROR_IMAGE,
				 "the checksum of its LVM metadata area's header is wrong");
	if (le32(buf + 20) != 1)
		return error_set(err, ERROR_IMAGE, "its LVM metadata area is of version %u, not 1",
				 le32(buf + 20));
	if (le64(buf + 24) != area->offset || le64(buf + 32) != area->size ||
	    area->size <= LVM_SECTOR || __builtin_add_overflow(area->offset, area->size, &end))
		return error_set(err, ERROR_IMAGE,
				 "its LVM label and metadata area tell different places");
	return place_text(buf + AREA_FIRST_TEXT, area, ret, err);
}
