/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "package/rpm/rpm.h"

/* Cuts one header off the front of the rest. */
static int take_header(const char **rest, size_t *len, struct rpm_packages *ret, struct error *err)
{
	struct rpm_header *header;
	uint32_t size;

	if (*len < sizeof size)
		return error_set(err, ERROR_IMAGE, "the guest's package state is cut off");
	memcpy(&size, *rest, sizeof size);
	size = be32toh(size);
	*rest += sizeof size;
	*len -= sizeof size;
	if (size > *len)
		return error_set(err, ERROR_IMAGE, "the guest's package state is cut off");
	header = rpm_header_import(*rest, size, err);
	if (!header)
		return -1;
	*ARRAY_ADD(ret->items, ret->n_items) = header;
	*rest += size;
	*len -= size;
	return 0;
}

int rpm_packages_read(const struct package_state *state, struct rpm_packages *ret,
		      struct error *err)
{
	const struct buffer *content = package_state_file(state, RPM_STATE_HEADERS);
	CLEANUP_RPM_PACKAGES struct rpm_packages packages = {0};
	const char *rest = content ? content->data : NULL;
	size_t len = content ? content->len : 0;

	while (len > 0)
		if (take_header(&rest, &len, &packages, err) < 0)
			return -1;
	*ret = packages;
	packages = (struct rpm_packages){0};
	return 0;
}

void rpm_packages_free(struct rpm_packages *packages)
{
	for (size_t i = 0; i < packages->n_items; i++)
		rpm_header_free(packages->items[i]);
	free(packages->items);
	*packages = (struct rpm_packages){0};
}
