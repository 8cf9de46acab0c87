/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer target; seeds are small ext images. */
#include "fs_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	fuzz_image(data, len);
	return 0;
}
