/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the state file "headers"; rpm_packages.c reads it. */
#include <endian.h>
#include <string.h>

#include "package/rpm/rpm.h"

struct exported {
	const struct rpm_header *header;
	struct buffer bytes;
};

static int compare_bytes(const struct buffer *a, const struct buffer *b)
{
	int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Two spellings of a version can be equal to rpm ("1.0" and "1.00"). */
static int compare_exported(const void *a, const void *b)
{
	const struct exported *left = a, *right = b;
	const struct rpm_header *one = left->header, *two = right->header;
	int order = strcmp(rpm_header_name(one), rpm_header_name(two));

	if (order == 0)
		order = rpm_evr_compare(rpm_header_evr(one), rpm_header_evr(two));
	if (order == 0)
		order = strcmp(rpm_header_architecture(one), rpm_header_architecture(two));
	return order ? order : compare_bytes(&left->bytes, &right->bytes);
}

static void append_exported(const struct exported *exported, struct buffer *ret)
{
	uint32_t len = htobe32((uint32_t)exported->bytes.len);

	buffer_append(ret, &len, sizeof len);
	buffer_append(ret, exported->bytes.data, exported->bytes.len);
}

int rpm_packages_write(const struct rpm_packages *packages, size_t limit,
		       struct package_state *state, struct error *err)
{
	CLEANUP_FREE struct exported *exported = xcalloc(packages->n_items + 1, sizeof *exported);
	struct buffer *content = package_state_add(state, RPM_STATE_HEADERS);
	size_t len = 0;

	for (size_t i = 0; i < packages->n_items; i++) {
		exported[i].header = packages->items[i];
		rpm_header_export(packages->items[i], &exported[i].bytes);
		len += sizeof(uint32_t) + exported[i].bytes.len;
	}
	qsort(exported, packages->n_items, sizeof *exported, compare_exported);
	for (size_t i = 0; i < packages->n_items; i++) {
		if (len <= limit)
			append_exported(&exported[i], content);
		buffer_free(&exported[i].bytes);
	}
	if (len > limit)
		return error_set(err, ERROR_IMAGE,
				 "the headers of its packages are of %zu bytes, more than %zu", len,
				 limit);
	return 0;
}
