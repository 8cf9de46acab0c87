/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpm's package database, from the bytes of its files: all packages or an error, never a part of
 * them.  librpm's own way to it is not used: its state is of the whole process, it makes a database
 * where it finds none, and takes an error in the middle for the end.
 */
#ifndef COLDPATCH_RPM_DATABASE_H
#define COLDPATCH_RPM_DATABASE_H

#include "rpm/rpm_header.h"

struct rpm_database_format {
	const char *name;    /* "bdb", "sqlite", "ndb" */
	const char *file;    /* of the packages */
	const char *log;     /* what may be there beside it and is a part of it, or NULL */
	const char *journal; /* what may be there beside it and must not be, or NULL: an interrupted
				change that only a writer takes back */
};
/* Ends with a NULL name. */
extern const struct rpm_database_format rpm_database_formats[];

/* What rpm keeps of keys that were imported is among the packages, under this name. */
#define RPM_DATABASE_KEY "gpg-pubkey"

/* Takes over the header.  -1 ends the reading. */
typedef int rpm_database_callback(void *opaque, struct rpm_header *header, struct error *err);

/* Each header is whole and has the digest that it names.  ERROR_IMAGE: the files are damaged, of
 * another version, or hold no package at all; the message speaks of the file as "it".  Untrusted
 * input. */
int rpm_database_read(const struct rpm_database_format *format, const struct buffer *file,
		      const struct buffer *log, rpm_database_callback *each, void *opaque,
		      struct error *err);

#endif
