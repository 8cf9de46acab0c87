/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names in a statement.  The URIs of ours are URNs: they name, and resolve nowhere, so that
 * nobody has to own a host for a record to keep its meaning.  A new meaning gets a new version.
 */
#ifndef COLDPATCH_RECORD_STATEMENT_H
#define COLDPATCH_RECORD_STATEMENT_H

#include "base/json.h"

#define RECORD_STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define RECORD_PREDICATE_TYPE "https://slsa.dev/provenance/v1"
#define RECORD_BUILD_PATCH    "urn:coldpatch:offline-patch:v1"
#define RECORD_BUILD_IMPORT   "urn:coldpatch:import:v1"
#define RECORD_BUILD_EXPORT   "urn:coldpatch:export:v1"
#define HEAD_PREDICATE_TYPE   "urn:coldpatch:head:v1"
#define RECORD_BUILDER_PREFIX "urn:coldpatch:builder:"

/* What reading and writing statements of both kinds share; a reader fails as those of base/json.h
 * do. */
void statement_get_constant(struct json_reader *reader, const char *name, const char *expected);
void statement_get_time(struct json_reader *reader, const char *name, int64_t *ret);
void statement_put_time(json_t *object, const char *name, int64_t seconds);
/* A reader for a member object of what `parent` reads. */
struct json_reader statement_below(struct json_reader *parent, const char *name, const char *what);
/* {"name": ..., "digest": {"sha256": ...}} */
json_t *statement_resource(const char *name, const struct digest *digest);
/* Name and digest of one; the reader stays on it for what else it has. */
struct json_reader statement_get_resource(const json_t *json, const char *what, char **ret_name,
					  struct digest *ret_digest, struct error *err);

#endif
