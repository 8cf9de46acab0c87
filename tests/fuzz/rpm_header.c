/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for package headers and their lists of files; seeds are in rpm_header/. */
#include <stdint.h>
#include <stdlib.h>

#include "rpm/rpm_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take(void *opaque, const struct rpm_file *file, struct error *err)
{
	(void)opaque;
	(void)err;
	if (*file->path != '/')
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUFFER struct buffer bytes = {0};
	struct rpm_header *header;
	struct error err = {0};

	header = rpm_header_import(data, size, &err);
	if (!header)
		return 0;
	rpm_header_check(header, &err);
	rpm_header_provides(header, "kernel");
	rpm_header_each_file(header, take, NULL, &err);
	if (rpm_header_forget_installation(header, &err) == 0)
		rpm_header_export(header, &bytes);
	rpm_header_free(header);
	return 0;
}
