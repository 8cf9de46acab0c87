/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for the reader of initial RAM file systems; seeds are in initramfs/. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/initramfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_length(void *opaque, const char *name, uint64_t member_size)
{
	*(size_t *)opaque += strlen(name) + member_size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	size_t total = 0;
	int whole = initramfs_each_name((const char *)data, size, add_length, &total, &err);

	if (whole < 0 && err.kind == ERROR_NONE)
		abort();
	return 0;
}
