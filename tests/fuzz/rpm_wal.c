/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for the check of SQLite's write-ahead logs; seeds are in rpm_wal/. */
#include <stdint.h>
#include <stdlib.h>

#include "rpm/wal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};

	if (wal_check(data, size, &err) < 0 && err.kind != ERROR_IMAGE)
		abort();
	return 0;
}
