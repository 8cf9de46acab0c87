/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for the reader of dpkg's status file; seeds are in dpkg_status/. */
#include <stdint.h>
#include <stdlib.h>

#include "package/deb/deb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_DEB_STATUS struct deb_status status = {0};
	CLEANUP_BUFFER struct buffer text = {0};
	struct error err = {0};

	buffer_append(&text, data, size);
	if (deb_status_parse(&text, &status, &err) < 0 && err.kind != ERROR_IMAGE)
		abort();
	for (size_t i = 0; i < status.n_packages; i++)
		if (deb_package_is_settled(&status.packages[i]) &&
		    !deb_package_is_sound(&status.packages[i]))
			abort();
	return 0;
}
