/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rpm/database.h"

#include <string.h>

#include "rpm/reader.h"

const struct rpm_database_format rpm_database_formats[] = {
	{"sqlite", "rpmdb.sqlite", "rpmdb.sqlite-wal", "rpmdb.sqlite-journal"},
	{"ndb", "Packages.db", NULL, NULL},
	{"bdb", "Packages", NULL, NULL},
	{NULL, NULL, NULL, NULL},
};

struct reading {
	rpm_database_callback *each;
	void *opaque;
	size_t n_packages;
};

static int take_record(void *opaque, uint32_t number, const void *blob, size_t len,
		       struct error *err)
{
	struct reading *reading = opaque;
	CLEANUP(rpm_header_free)
	struct rpm_header *header = rpm_header_import(blob, len, err);

	if (!header || rpm_header_check(header, err) < 0)
		return error_prefix(err, "record %u", number);
	if (!*rpm_header_name(header) || !*rpm_header_evr(header))
		return error_set(err, ERROR_IMAGE, "record %u has no name or no version", number);
	reading->n_packages += strcmp(rpm_header_name(header), RPM_DATABASE_KEY) != 0;
	return reading->each(reading->opaque, steal(header), err);
}

static int read_as(const struct rpm_database_format *format, const struct buffer *file,
		   const struct buffer *log, struct reading *reading, struct error *err)
{
	if (strcmp(format->name, "bdb") == 0)
		return bdb_read(file->data, file->len, take_record, reading, err);
	if (strcmp(format->name, "ndb") == 0)
		return ndb_read(file->data, file->len, take_record, reading, err);
	return sqlite_read(file->data, file->len, log ? log->data : NULL, log ? log->len : 0,
			   take_record, reading, err);
}

int rpm_database_read(const struct rpm_database_format *format, const struct buffer *file,
		      const struct buffer *log, rpm_database_callback *each, void *opaque,
		      struct error *err)
{
	struct reading reading = {.each = each, .opaque = opaque};

	if (file->len == 0)
		return error_set(err, ERROR_IMAGE, "it is empty");
	if (read_as(format, file, log, &reading, err) < 0)
		return -1;
	if (reading.n_packages == 0)
		return error_set(err, ERROR_IMAGE, "it holds no package");
	return 0;
}
