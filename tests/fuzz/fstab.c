/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for the reader of fstab; seeds are in fstab/. */
#include <stdint.h>
#include <stdlib.h>

#include "guest/fstab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FSTAB struct fstab fstab = {0};

	fstab_parse((const char *)data, size, &fstab);
	for (size_t i = 0; i < fstab.n_entries; i++)
		if (!fstab_is_local(&fstab.entries[i]) &&
		    fstab_has_option(&fstab.entries[i], "nofail") && !*fstab.entries[i].target)
			abort();
	return 0;
}
