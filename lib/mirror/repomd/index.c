/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/repomd/index.h"

#include <stdio.h>
#include <string.h>

#include "mirror/repomd/href.h"
#include "mirror/repomd/xml.h"

/* 2000 and 2100: revisions are often seconds since the epoch, and may be anything. */
#define EARLIEST INT64_C(946684800)
#define LATEST	 INT64_C(4102444800)

static const char *const type_names[] = {
	[REPOMD_PRIMARY] = "primary",
	[REPOMD_FILELISTS] = "filelists",
	[REPOMD_UPDATEINFO] = "updateinfo",
	[REPOMD_MODULES] = "modules",
};

const char *repomd_type_name(enum repomd_type type)
{
	return type_names[type];
}

enum compression repomd_compression(const char *path)
{
	static const struct {
		const char *suffix;
		enum compression compression;
	} forms[] = {
		{".gz", COMPRESSION_GZIP},
		{".xz", COMPRESSION_XZ},
		{".zst", COMPRESSION_ZSTD},
		{".bz2", COMPRESSION_BZIP2},
	};
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		size_t n = strlen(forms[i].suffix);

		if (len > n && strcmp(path + len - n, forms[i].suffix) == 0)
			return forms[i].compression;
	}
	return COMPRESSION_NONE;
}

void repomd_index_free(struct repomd_index *index)
{
	for (size_t i = 0; i < REPOMD_TYPES; i++)
		free(index->files[i].href);
	for (size_t i = 0; i < index->n_architectures; i++)
		free(index->architectures[i]);
	free(index->architectures);
	free(index->cpe);
	*index = (struct repomd_index){0};
}

struct reading {
	struct repomd_index *index;
	struct repomd_file *file; /* whose <data> is open; NULL: of none that is needed */
	const char *type;	  /* its type */
	char checksum_type[16];	  /* of the <checksum> that is open */
};

static int in_file(const struct reading *reading, struct error *err)
{
	return error_prefix(err, "%s", reading->type);
}

static int wrong(const struct reading *reading, const char *why, struct error *err)
{
	return error_set(err, ERROR_TRUST, "%s: %s", reading->type, why);
}

static int open_data(struct reading *reading, const char *const *attributes, struct error *err)
{
	const char *type = xml_attribute(attributes, "type");

	reading->file = NULL;
	for (size_t i = 0; type && i < REPOMD_TYPES; i++) {
		if (strcmp(type, type_names[i]) != 0)
			continue;
		reading->file = &reading->index->files[i];
		reading->type = type_names[i];
		if (reading->file->href)
			return wrong(reading, "is named twice", err);
	}
	return 0;
}

static int open_location(struct reading *reading, const char *const *attributes, struct error *err)
{
	if (reading->file->href)
		return wrong(reading, "has two locations", err);
	reading->file->href = href_read(attributes, false, err);
	return reading->file->href ? 0 : in_file(reading, err);
}

static void open_checksum(struct reading *reading, const char *const *attributes)
{
	const char *type = xml_attribute(attributes, "type");

	snprintf(reading->checksum_type, sizeof reading->checksum_type, "%s", type ? type : "");
}

static int on_open(void *opaque, const char *path, const char *const *attributes, struct error *err)
{
	struct reading *reading = opaque;

	if (strcmp(path, "repomd/tags/distro") == 0 && !reading->index->cpe) {
		const char *cpe = xml_attribute(attributes, "cpeid");

		reading->index->cpe = cpe ? xstrdup(cpe) : NULL;
	}
	if (strcmp(path, "repomd/data") == 0)
		return open_data(reading, attributes, err);
	if (!reading->file)
		return 0;
	if (strcmp(path, "repomd/data/location") == 0)
		return open_location(reading, attributes, err);
	if (strcmp(path, "repomd/data/checksum") == 0 ||
	    strcmp(path, "repomd/data/open-checksum") == 0)
		open_checksum(reading, attributes);
	return 0;
}

/* A weak one is as good as none. */
static int close_checksum(const struct reading *reading, struct checksum *to, const char *text,
			  struct error *err)
{
	struct checksum checksum;

	if (xml_has_blanks(text))
		return wrong(
			reading,
			"has a checksum with blanks around it, which the resolver does not read",
			err);
	if (!checksum_parse(reading->checksum_type, text, &checksum))
		return 0;
	if (*to->hex)
		return wrong(reading, "has two checksums", err);
	*to = checksum;
	return 0;
}

static int close_number(const struct reading *reading, uint64_t *to, const char *text,
			struct error *err)
{
	return xml_number(text, to) ? 0 : wrong(reading, "a size that is no number", err);
}

/* Some write fractions of a second. */
static void close_timestamp(const struct reading *reading, const char *text)
{
	CLEANUP_FREE char *whole = xstrndup(text, strcspn(text, "."));
	uint64_t seconds;

	if (xml_number(whole, &seconds))
		reading->file->timestamp = (int64_t)seconds;
}

static int finish_file(const struct reading *reading, struct error *err)
{
	const struct repomd_file *file = reading->file;

	if (!file->href)
		return wrong(reading, "has no location", err);
	if (!*file->checksum.hex)
		return wrong(reading,
			     "has no checksum by SHA-256, SHA-384 or SHA-512; weaker ones are not "
			     "relied on",
			     err);
	if (file->timestamp > reading->index->date)
		reading->index->date = file->timestamp;
	return 0;
}

static int close_in_file(struct reading *reading, const char *name, char *text, struct error *err)
{
	struct repomd_file *file = reading->file;

	if (strcmp(name, "checksum") == 0)
		return close_checksum(reading, &file->checksum, text, err);
	if (strcmp(name, "open-checksum") == 0)
		return close_checksum(reading, &file->open, text, err);
	if (strcmp(name, "size") == 0)
		return close_number(reading, &file->size, xml_trim(text), err);
	if (strcmp(name, "open-size") == 0)
		return close_number(reading, &file->open_size, xml_trim(text), err);
	if (strcmp(name, "timestamp") == 0)
		close_timestamp(reading, xml_trim(text));
	return 0;
}

static void take_revision(struct repomd_index *index, const char *text)
{
	uint64_t seconds;

	if (xml_number(text, &seconds) && (int64_t)seconds >= EARLIEST &&
	    (int64_t)seconds < LATEST && (int64_t)seconds > index->date)
		index->date = (int64_t)seconds;
}

static void take_content(struct repomd_index *index, const char *text)
{
	static const char prefix[] = "binary-";

	if (strncmp(text, prefix, sizeof prefix - 1) == 0 && text[sizeof prefix - 1])
		*ARRAY_ADD(index->architectures, index->n_architectures) =
			xstrdup(text + sizeof prefix - 1);
}

static int on_close(void *opaque, const char *path, char *text, struct error *err)
{
	static const char data[] = "repomd/data/";
	struct reading *reading = opaque;
	int result = 0;

	if (strcmp(path, "repomd/revision") == 0)
		take_revision(reading->index, xml_trim(text));
	else if (strcmp(path, "repomd/tags/content") == 0)
		take_content(reading->index, xml_trim(text));
	else if (reading->file && strncmp(path, data, sizeof data - 1) == 0)
		result = close_in_file(reading, path + sizeof data - 1, text, err);
	else if (reading->file && strcmp(path, "repomd/data") == 0) {
		result = finish_file(reading, err);
		reading->file = NULL;
	}
	return result;
}

int repomd_index_parse(const char *text, size_t len, struct repomd_index *ret, struct error *err)
{
	CLEANUP_REPOMD_INDEX struct repomd_index index = {0};
	struct reading reading = {.index = &index};
	const struct xml_reader reader = {on_open, on_close, &reading};

	if (xml_parse(text, len, &reader, err) < 0)
		return -1;
	if (!index.date)
		return error_set(err, ERROR_TRUST,
				 "has no date: neither a timestamp nor a revision that is one");
	*ret = index;
	index = (struct repomd_index){0};
	return 0;
}
