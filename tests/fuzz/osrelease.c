/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for the reader of os-release; seeds are in osrelease/. */
#include <stdint.h>
#include <stdlib.h>

#include "guest/osrelease.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_os os = {0};

	osrelease_parse((const char *)data, size, &os);
	free(os.id);
	free(os.id_like);
	free(os.version_id);
	free(os.codename);
	free(os.pretty_name);
	return 0;
}
