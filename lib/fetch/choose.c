/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/choose.h"

#include <string.h>

#include "base/file.h"
#include "fetch/offers.h"
#include "mirror/manifest.h"
#include "package/deb/deb.h"

void choices_free(struct choices *choices)
{
	for (size_t i = 0; i < choices->n_items; i++) {
		free(choices->items[i].suite);
		free(choices->items[i].path);
	}
	free(choices->items);
	*choices = (struct choices){0};
}

/* ---- the made up package state ---- */

static bool is_named(const struct offers *offers, const struct offered_version *at,
		     const char *name)
{
	return at && at < offers->versions + offers->n_versions && strcmp(at->name, name) == 0;
}

/* What an index says of a package that is installed; "" when it says nothing. */
static const char *known_fields(const struct offers *offers, const struct want_package *package,
				bool loose)
{
	const char *like = "";

	for (const struct offered_version *at = offers_of(offers, package->name);
	     is_named(offers, at, package->name); at++) {
		if (strcmp(at->architecture, package->architecture) != 0)
			continue;
		if (strcmp(at->version, package->version) == 0)
			return loose ? at->lasting : at->fields;
		like = *like ? like : at->lasting;
	}
	return like;
}

static void make_state(const struct want_guest *guest, const struct offers *offers, bool loose,
		       struct package_state *ret)
{
	struct package_state_file *file = ARRAY_ADD(ret->files, ret->n_files);

	file->name = xstrdup("status");
	for (size_t i = 0; i < guest->n_packages; i++) {
		const struct want_package *package = &guest->packages[i];

		buffer_printf(&file->content,
			      "Package: %s\nStatus: install ok installed\nVersion: %s\n"
			      "Architecture: %s\n%s\n",
			      package->name, package->version, package->architecture,
			      known_fields(offers, package, loose));
	}
}

/* ---- what the resolver chose ---- */

static void add(struct choices *ret, const struct mirror_snapshot *snapshot,
		const struct offers *offers, const struct digest *sha256)
{
	const struct offer *offer = offers_find(offers, sha256);
	const char *index = offer ? snapshot->sources[offer->source].index_path : NULL;
	const char *end = index ? strrchr(index, '/') : NULL;
	struct checksum checksum = {.type = CHECKSUM_SHA256};

	if (!end || strncmp(index, "dists/", 6) != 0)
		return;
	digest_to_hex(sha256, checksum.hex);
	*ARRAY_ADD(ret->items, ret->n_items) = (struct choice){
		.suite = xstrndup(index + 6, (size_t)(end - index - 6)),
		.path = xstrdup(offer->path),
		.size = offer->size,
		.checksum = checksum,
	};
}

/* That a version is installed anew which is there already is what a made up state may bring about.
 */
static bool is_change(const struct package_change *change)
{
	return change->to && (!change->from || strcmp(change->from, change->to) != 0);
}

static void add_left(struct choices *ret, const struct mirror_snapshot *snapshot,
		     const struct offers *offers, const struct package_left *left)
{
	for (const struct offered_version *at = offers_of(offers, left->name);
	     is_named(offers, at, left->name); at++)
		if (strcmp(at->version, left->candidate) == 0 &&
		    (strcmp(at->architecture, left->architecture) == 0 ||
		     strcmp(at->architecture, "all") == 0 ||
		     strcmp(left->architecture, "all") == 0)) {
			add(ret, snapshot, offers, &at->sha256);
			return;
		}
}

static void take(const struct resolution *resolution, const struct mirror_snapshot *snapshot,
		 const struct offers *offers, struct choices *ret)
{
	for (size_t i = 0; i < resolution->n_changes; i++)
		if (is_change(&resolution->changes[i]))
			add(ret, snapshot, offers, &resolution->changes[i].sha256);
	for (size_t i = 0; i < resolution->n_left; i++)
		add_left(ret, snapshot, offers, &resolution->left[i]);
	ret->n_left = resolution->n_left;
}

/* ---- asking it ---- */

/* Every package is to be had. */
static void fill_snapshot(struct mirror_snapshot *snapshot, const struct offers *offers)
{
	free(snapshot->packages);
	snapshot->packages = xcalloc(offers->n_files, sizeof *snapshot->packages);
	snapshot->n_packages = offers->n_files;
	for (size_t i = 0; i < offers->n_files; i++)
		snapshot->packages[i] = offers->files[i].sha256;
}

static bool is_wanted(const struct mirror_source *source, const struct want_guest *guest)
{
	for (size_t i = 0; i < guest->n_suites; i++) {
		CLEANUP_FREE char *index = xasprintf("dists/%s/InRelease", guest->suites[i]);

		if (strcmp(source->index_path, index) == 0)
			return true;
	}
	return false;
}

/* Other guests may want other suites.  How many are left. */
static size_t keep_wanted(struct mirror_snapshot *snapshot, const struct want_guest *guest)
{
	const struct mirror_guest suited = {.os_id = guest->os_id,
					    .os_version = guest->os_version,
					    .codename = guest->codename};
	size_t kept = 0;

	for (size_t i = 0; i < snapshot->n_sources; i++) {
		if (is_wanted(&snapshot->sources[i], guest))
			snapshot->sources[kept++] = snapshot->sources[i];
		else
			mirror_source_free(&snapshot->sources[i]);
	}
	snapshot->n_sources = kept;
	return mirror_snapshot_keep_suited(snapshot, &suited);
}

/* The resolver's cache is for one list of sources. */
static char *cache_of(const char *directory, const struct mirror_snapshot *snapshot)
{
	CLEANUP_BUFFER struct buffer names = {0};
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;

	for (size_t i = 0; i < snapshot->n_sources; i++)
		buffer_printf(&names, "%s\n", snapshot->sources[i].index_path);
	digest_of(names.data, names.len, &digest);
	digest_to_hex(&digest, hex);
	return path_join(directory, hex);
}

static int resolve(const struct want_guest *want, const struct mirror_snapshot *snapshot,
		   const struct choose_request *request, const struct package_state *state,
		   struct resolution *ret, struct error *err)
{
	const struct resolve_request all = {
		.scope = request->scope,
		.names = (const char *const *)want->names,
		.n_names = want->n_names,
		.allow_removals = request->allow_removals,
		.allow_new = true,
	};
	const struct guest guest = {
		.packages.architecture = want->architectures[0],
		.packages.foreign_architectures = want->architectures + 1,
		.packages.n_foreign_architectures = want->n_architectures - 1,
	};

	CLEANUP_FREE char *cache = cache_of(request->cache_dir, snapshot);

	return deb_manager.resolve(state, &guest, snapshot, &all, cache, ret, err);
}

int choose_packages(const struct want_guest *guest, struct mirror_snapshot *snapshot,
		    const struct choose_request *request, struct choices *ret, struct error *err)
{
	CLEANUP_OFFERS struct offers offers = {0};
	CLEANUP_PACKAGE_STATE struct package_state state = {0};
	struct resolution resolution = {0};
	int result;

	if (!guest->n_packages)
		return 0;
	if (keep_wanted(snapshot, guest) == 0)
		return error_set(err, ERROR_MIRROR, "no suite that the sources have is for %s %s",
				 guest->os_id, guest->codename);
	if (offers_read(snapshot, guest, &offers, err) < 0)
		return -1;
	fill_snapshot(snapshot, &offers);
	make_state(guest, &offers, request->loose, &state);
	result = resolve(guest, snapshot, request, &state, &resolution, err);
	if (result == 0)
		take(&resolution, snapshot, &offers, ret);
	resolution_free(&resolution);
	return result;
}
