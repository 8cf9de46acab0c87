/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/offers.h"

#include <string.h>

#include "base/file.h"
#include "mirror/apt/packages.h"
#include "package/deb/control.h"

enum { MAX_INDEX = 1 << 30 };

void offers_free(struct offers *offers)
{
	for (size_t i = 0; i < offers->n_files; i++)
		free(offers->files[i].path);
	free(offers->files);
	for (size_t i = 0; i < offers->n_versions; i++) {
		free(offers->versions[i].name);
		free(offers->versions[i].version);
		free(offers->versions[i].architecture);
		free(offers->versions[i].fields);
		free(offers->versions[i].lasting);
	}
	free(offers->versions);
	*offers = (struct offers){0};
}

static int by_digest(const void *a, const void *b)
{
	const struct offer *x = a, *y = b;

	return memcmp(x->sha256.bytes, y->sha256.bytes, DIGEST_SIZE);
}

const struct offer *offers_find(const struct offers *offers, const struct digest *sha256)
{
	const struct offer key = {.sha256 = *sha256};

	return offers->n_files
		       ? bsearch(&key, offers->files, offers->n_files, sizeof key, by_digest)
		       : NULL;
}

const struct offered_version *offers_of(const struct offers *offers, const char *name)
{
	size_t low = 0, high = offers->n_versions;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(offers->versions[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == offers->n_versions || strcmp(offers->versions[low].name, name) != 0)
		return NULL;
	return &offers->versions[low];
}

/* ---- reading ---- */

struct reading {
	const struct want_guest *guest;
	struct offers *offers;
	size_t source;
};

static int take_file(void *opaque, const struct packages_entry *entry, struct error *err)
{
	struct reading *reading = opaque;
	struct offers *offers = reading->offers;

	(void)err;
	*ARRAY_ADD(offers->files, offers->n_files) = (struct offer){
		.sha256 = entry->sha256,
		.source = reading->source,
		.path = xstrndup(entry->path, entry->path_len),
		.size = entry->size,
	};
	return 0;
}

static int by_name(const void *key, const void *package)
{
	return strcmp(key, ((const struct want_package *)package)->name);
}

static bool is_installed(const struct want_guest *guest, const char *name)
{
	return guest->n_packages &&
	       bsearch(name, guest->packages, guest->n_packages, sizeof *guest->packages, by_name);
}

static char *fields_of(const struct control_paragraph *stanza, const char *const *names)
{
	struct buffer text = {0};

	for (; *names; names++) {
		const struct control_field *field = control_find(stanza, *names);

		if (field)
			buffer_printf(&text, "%s: %.*s\n", *names, (int)field->value_len,
				      field->value);
	}
	return text.data ? buffer_steal(&text) : xstrdup("");
}

static void take_version(const struct reading *reading, const struct control_paragraph *stanza)
{
	/* All that apt tells versions of the same number apart by, and all that it resolves with.
	 */
	static const char *const fields[] = {
		"Source",   "Section",	"Priority",    "Essential", "Protected",      "Important",
		"Depends",  "Breaks",	"Pre-Depends", "Conflicts", "Installed-Size", "Multi-Arch",
		"Replaces", "Provides", "Recommends",  "Suggests",  "Enhances",	      NULL};
	static const char *const lasting[] = {"Source",	    "Section",	 "Priority",   "Essential",
					      "Protected",  "Important", "Multi-Arch", "Provides",
					      "Recommends", NULL};
	struct offers *offers = reading->offers;
	CLEANUP_FREE char *name = control_get(stanza, "Package");
	CLEANUP_FREE char *sha256 = control_get(stanza, "SHA256");
	struct offered_version version = {0};

	if (!name || !is_installed(reading->guest, name) || !sha256 ||
	    !digest_from_hex(sha256, &version.sha256))
		return;
	version.version = control_get(stanza, "Version");
	version.architecture = control_get(stanza, "Architecture");
	if (!version.version || !version.architecture) {
		free(version.version);
		free(version.architecture);
		return;
	}
	version.name = steal(name);
	version.fields = fields_of(stanza, fields);
	version.lasting = fields_of(stanza, lasting);
	*ARRAY_ADD(offers->versions, offers->n_versions) = version;
}

static int take_versions(const struct reading *reading, const char *path, const struct buffer *text,
			 struct error *err)
{
	CLEANUP_FREE struct control_paragraph *stanza = xmalloc(sizeof *stanza);
	struct control_reader reader;
	int more;

	control_open(&reader, path, text->data, text->len);
	while ((more = control_next(&reader, stanza, err)) > 0)
		take_version(reading, stanza);
	if (more < 0)
		err->kind = ERROR_MIRROR;
	return more;
}

static bool is_for(const struct want_guest *guest, const char *path)
{
	for (size_t i = 0; i <= guest->n_architectures; i++) {
		const char *name = i ? guest->architectures[i - 1] : "all";
		CLEANUP_FREE char *part = xasprintf("/binary-%s/Packages", name);
		size_t len = strlen(path), n = strlen(part);

		if (len > n && strcmp(path + len - n, part) == 0)
			return true;
	}
	return false;
}

static int read_index(struct reading *reading, const char *directory, const char *path,
		      struct error *err)
{
	CLEANUP_FREE char *file = path_join(directory, path);
	CLEANUP_BUFFER struct buffer text = {0};

	if (file_read(file, MAX_INDEX, &text, err) < 0)
		return -1;
	if (packages_parse(text.data ? text.data : "", text.len, take_file, reading, err) < 0)
		return error_prefix(err, "%s", path);
	return take_versions(reading, path, &text, err);
}

struct numbered {
	struct offered_version version;
	size_t number;
};

static int by_name_and_number(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	int order = strcmp(x->version.name, y->version.name);

	return order ? order : (x->number > y->number) - (x->number < y->number);
}

static void sort_versions(struct offers *offers)
{
	struct numbered *all = xcalloc(offers->n_versions, sizeof *all);

	for (size_t i = 0; i < offers->n_versions; i++)
		all[i] = (struct numbered){offers->versions[i], i};
	if (offers->n_versions)
		qsort(all, offers->n_versions, sizeof *all, by_name_and_number);
	for (size_t i = 0; i < offers->n_versions; i++)
		offers->versions[i] = all[i].version;
	free(all);
}

int offers_read(const struct mirror_snapshot *snapshot, const struct want_guest *guest,
		struct offers *ret, struct error *err)
{
	struct reading reading = {.guest = guest, .offers = ret};

	for (; reading.source < snapshot->n_sources; reading.source++) {
		const struct mirror_source *source = &snapshot->sources[reading.source];

		for (size_t i = 0; i < source->n_files; i++)
			if (is_for(guest, source->files[i].path) &&
			    read_index(&reading, source->directory, source->files[i].path, err) < 0)
				return -1;
	}
	if (ret->n_files)
		qsort(ret->files, ret->n_files, sizeof *ret->files, by_digest);
	sort_versions(ret);
	return 0;
}
