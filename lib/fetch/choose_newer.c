/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A resolver would need the headers of what is installed, which a want file does not carry, and
 * which streams of modules are enabled.  Every newer version is more than a plan takes, and holds
 * all updates of what is there; what is new, it does not hold.
 */
#include <string.h>

#include "base/decompress.h"
#include "base/file.h"
#include "fetch/choose.h"
#include "mirror/repomd/index.h"
#include "mirror/repomd/primary.h"
#include "rpm/rpm_header.h"

enum { MAX_INDEX = 1 << 30 };

struct choosing {
	const struct want_guest *guest;
	const struct mirror_source *source;
	struct choices *choices;
};

static int by_name(const void *key, const void *package)
{
	return strcmp(key, ((const struct want_package *)package)->name);
}

static const struct want_package *first_of(const struct want_guest *guest, const char *name)
{
	const struct want_package *found =
		guest->n_packages ? bsearch(name, guest->packages, guest->n_packages,
					    sizeof *guest->packages, by_name)
				  : NULL;

	while (found > guest->packages && strcmp(found[-1].name, name) == 0)
		found--;
	return found;
}

static bool fits(const struct want_package *installed, const struct primary_package *package)
{
	return strcmp(installed->architecture, package->architecture) == 0 ||
	       strcmp(installed->architecture, "noarch") == 0 ||
	       strcmp(package->architecture, "noarch") == 0;
}

static char *evr_of(const struct primary_package *package)
{
	if (package->epoch && *package->epoch && strcmp(package->epoch, "0") != 0)
		return xasprintf("%s:%s-%s", package->epoch, package->version, package->release);
	return xasprintf("%s-%s", package->version, package->release);
}

/* Newer than each of that name: kernels are installed beside each other. */
static bool is_wanted(const struct want_guest *guest, const struct primary_package *package)
{
	const struct want_package *at = first_of(guest, package->name);
	CLEANUP_FREE char *evr = evr_of(package);
	bool fitting = false;

	for (; at && at < guest->packages + guest->n_packages && !strcmp(at->name, package->name);
	     at++) {
		if (!fits(at, package))
			continue;
		if (rpm_evr_compare(evr, at->version) <= 0)
			return false;
		fitting = true;
	}
	return fitting;
}

static int take(void *opaque, const struct primary_package *package, struct error *err)
{
	const struct choosing *choosing = opaque;

	(void)err;
	if (!package->name || !package->architecture || !package->version || !package->release ||
	    !is_wanted(choosing->guest, package))
		return 0;
	*ARRAY_ADD(choosing->choices->items, choosing->choices->n_items) = (struct choice){
		.suite = xstrdup(choosing->source->path),
		.path = xstrdup(package->href),
		.size = package->size,
		.checksum = package->checksum,
	};
	return 0;
}

static int read_file(const struct mirror_source *source, const char *name, struct buffer *ret,
		     struct error *err)
{
	CLEANUP_FREE char *path = path_join(source->directory, name);

	return file_read(path, MAX_INDEX, ret, err);
}

static int find_primary(const struct mirror_source *source, struct buffer *ret, struct error *err)
{
	CLEANUP_REPOMD_INDEX struct repomd_index index = {0};
	CLEANUP_BUFFER struct buffer text = {0}, packed = {0};
	const char *href;

	if (read_file(source, source->index_path, &text, err) < 0 ||
	    repomd_index_parse(text.data, text.len, &index, err) < 0)
		return -1;
	href = index.files[REPOMD_PRIMARY].href;
	if (!href)
		return error_set(err, ERROR_MIRROR, "%s: names no primary", source->path);
	if (read_file(source, href, &packed, err) < 0)
		return -1;
	return decompress(packed.data, packed.len, repomd_compression(href), MAX_INDEX,
			  ERROR_MIRROR, ret, err);
}

static int choose_from(struct choosing *choosing, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};

	if (find_primary(choosing->source, &text, err) < 0)
		return -1;
	return primary_parse(text.data, text.len, take, choosing, err);
}

int choose_newer(const struct want_guest *guest, struct mirror_snapshot *snapshot,
		 struct choices *ret, struct error *err)
{
	const struct mirror_guest suited = {
		.layout = guest->layout, .os_id = guest->os_id, .os_version = guest->os_version};

	if (mirror_snapshot_keep_suited(snapshot, &suited) == 0)
		return error_set(err, ERROR_MIRROR,
				 "no repository that the sources have is for %s "
				 "%s",
				 guest->os_id, guest->os_version);
	for (size_t i = 0; i < snapshot->n_sources; i++) {
		struct choosing choosing = {guest, &snapshot->sources[i], ret};

		if (choose_from(&choosing, err) < 0)
			return -1;
	}
	return 0;
}
