/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer entry for what is read of a mirror: Release, Packages, armoured keys, gpgv's status.
 * Seeds are in release/. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "mirror/apt/packages.h"
#include "mirror/apt/release.h"
#include "mirror/beneath.h"
#include "mirror/gpgv.h"
#include "mirror/keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the parsers promise of paths must hold for any input. */
static int check_entry(void *opaque, const struct packages_entry *entry, struct error *err)
{
	CLEANUP_FREE char *path = xstrndup(entry->path, entry->path_len);

	(void)opaque;
	(void)err;
	if (!beneath_is_safe(path))
		abort();
	return 0;
}

static void fuzz_release(const char *text, size_t size)
{
	CLEANUP_RELEASE struct release release = {0};
	struct error err;

	if (release_parse(text, size, &release, &err) < 0)
		return;
	for (size_t i = 0; i < release.n_files; i++)
		if (!beneath_is_safe(release.files[i].path))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, size);
	CLEANUP_SIGNERS struct signers signers = {0};
	CLEANUP_BUFFER struct buffer keys = {0};
	struct error err;

	fuzz_release((const char *)data, size);
	packages_parse((const char *)data, size, check_entry, NULL, &err);
	keyring_dearmour((const char *)data, size, &keys, &err);
	gpgv_judge("fuzz", text, 0, &signers, &err);
	return 0;
}
