/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real package databases: those of golang-github-knqyf263-go-rpmdb-dev, and those beside this
 * directory. */
#ifndef TESTS_UNIT_RPM_SAMPLES_H
#define TESTS_UNIT_RPM_SAMPLES_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "rpm/database.h"

#define GO "/usr/share/gocode/src/github.com/knqyf263/go-rpmdb/pkg/testdata"

enum { LIMIT = 1 << 30 };

static const struct sample {
	const char *format, *directory; /* relative: below ../shared/rpm/rpmdb */
	size_t n;    /* packages and keys, as the README or `rpm -qa` count them */
	bool oracle; /* Debian's rpm reads it */
} samples[] = {
	{"bdb", GO "/centos5-plain", 110, true},
	{"bdb", GO "/centos6-devtools", 263, true},
	{"bdb", GO "/centos6-many", 326, true},
	{"bdb", GO "/centos6-plain", 129, true},
	{"bdb", GO "/centos7-devtools", 264, true},
	{"bdb", GO "/centos7-httpd24", 225, true},
	{"bdb", GO "/centos7-many", 396, true},
	{"bdb", GO "/centos7-plain", 144, true},
	{"bdb", GO "/centos7-python35", 344, true},
	{"bdb", GO "/centos8-modularitylabel", 518, true},
	{"sqlite", "amazonlinux2023-plain", 103, true},
	{"sqlite", "cbl-mariner-2.0", 129, true},
	{"ndb", "sle15-bci", 35, false},
};
/* One of each form, the smallest. */
enum { BDB = 0, SQLITE = 10, NDB = 12 };

struct database {
	const struct rpm_database_format *format;
	struct buffer file, log;
};

static inline char *sample_path(const struct sample *sample, const char *name)
{
	const char *shared = getenv("SHARED_RPM"), *top = getenv("TEST_TOP");

	if (*sample->directory == '/')
		return xasprintf("%s/%s", sample->directory, name);
	return shared ? xasprintf("%s/rpmdb/%s/%s", shared, sample->directory, name)
		      : xasprintf("%s/../shared/rpm/rpmdb/%s/%s", top ? top : ".",
				  sample->directory, name);
}

static inline const struct rpm_database_format *format_of(const char *name)
{
	const struct rpm_database_format *format = rpm_database_formats;

	while (strcmp(format->name, name) != 0)
		format++;
	return format;
}

/* False where the sample is not on this machine. */
static inline bool load(const struct sample *sample, struct database *ret)
{
	const struct rpm_database_format *format = format_of(sample->format);
	CLEANUP_FREE char *path = sample_path(sample, format->file);
	CLEANUP_FREE char *log = format->log ? sample_path(sample, format->log) : NULL;
	struct error err = {0};

	*ret = (struct database){.format = format};
	if (access(path, R_OK) < 0) {
		fprintf(stderr, "%s is not here\n", path);
		return false;
	}
	ck_assert_msg(file_read(path, LIMIT, &ret->file, &err) == 0, "%s", err.msg);
	if (log)
		ck_assert_msg(file_read(log, LIMIT, &ret->log, &err) == 0, "%s", err.msg);
	return true;
}

static inline void unload(struct database *database)
{
	buffer_free(&database->file);
	buffer_free(&database->log);
}
#define CLEANUP_DATABASE __attribute__((cleanup(unload)))

struct names {
	char **items;
	size_t n;
};

static inline void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
}
#define CLEANUP_NAMES __attribute__((cleanup(names_free)))

static inline int add_name(void *opaque, struct rpm_header *header, struct error *err)
{
	struct names *names = opaque;
	const char *architecture = rpm_header_architecture(header);

	(void)err;
	*ARRAY_ADD(names->items, names->n) =
		xasprintf("%s %s %s", rpm_header_name(header), rpm_header_evr(header),
			  *architecture ? architecture : "(none)");
	rpm_header_free(header);
	return 0;
}

static inline int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names as lines, sorted; NULL with the error. */
static inline char *list(const struct database *database, struct error *err)
{
	CLEANUP_NAMES struct names names = {0};
	struct buffer text = {0};

	if (rpm_database_read(database->format, &database->file, &database->log, add_name, &names,
			      err) < 0)
		return NULL;
	qsort(names.items, names.n, sizeof *names.items, compare_names);
	for (size_t i = 0; i < names.n; i++)
		buffer_printf(&text, "%s\n", names.items[i]);
	return buffer_steal(&text);
}

#endif
