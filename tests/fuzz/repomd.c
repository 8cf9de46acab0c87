/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for what is read of a repomd mirror: repomd.xml, primary.xml, CPE names.  Seeds
 * are in repomd/. */
#include <stdint.h>
#include <stdlib.h>

#include "mirror/beneath.h"
#include "mirror/repomd/cpe.h"
#include "mirror/repomd/href.h"
#include "mirror/repomd/index.h"
#include "mirror/repomd/primary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the parsers promise of paths must hold for any input. */
static int check_package(void *opaque, const struct primary_package *package, struct error *err)
{
	CLEANUP_FREE char *place = href_place(package->href);
	CLEANUP_FREE char *path = href_in_mirror("a/b/c", package->href);

	(void)opaque;
	(void)err;
	if (!beneath_is_safe(place) || (path && !beneath_is_safe(path)) || !*package->checksum.hex)
		abort();
	return 0;
}

static void fuzz_index(const char *text, size_t size)
{
	CLEANUP_REPOMD_INDEX struct repomd_index index = {0};
	CLEANUP_FREE char *id = NULL, *version = NULL;
	struct error err;

	if (repomd_index_parse(text, size, &index, &err) < 0)
		return;
	for (size_t i = 0; i < REPOMD_TYPES; i++)
		if (index.files[i].href && !beneath_is_safe(index.files[i].href))
			abort();
	if (index.cpe)
		cpe_read(index.cpe, &id, &version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;

	fuzz_index((const char *)data, size);
	primary_parse((const char *)data, size, check_package, NULL, &err);
	return 0;
}
