/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for the reader of rpm's own database; seeds are in rpm_ndb/. */
#include <stdint.h>
#include <stdlib.h>

#include "rpm/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte of a record is there. */
static int take(void *opaque, uint32_t number, const void *blob, size_t len, struct error *err)
{
	const uint8_t *bytes = blob;
	unsigned *sum = opaque;

	(void)err;
	for (size_t i = 0; i < len; i++)
		*sum += bytes[i];
	if (number == 0)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	unsigned sum = 0;

	if (ndb_read(data, size, take, &sum, &err) < 0 && err.kind != ERROR_IMAGE)
		abort();
	return 0;
}
