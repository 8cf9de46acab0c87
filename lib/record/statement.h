/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names in a statement.  The URIs of ours are URNs: they name, and resolve nowhere, so that
 * nobody has to own a host for a record to keep its meaning.  A new meaning gets a new version.
 */
#ifndef COLDPATCH_RECORD_STATEMENT_H
#define COLDPATCH_RECORD_STATEMENT_H

#define RECORD_STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define RECORD_PREDICATE_TYPE "https://slsa.dev/provenance/v1"
#define RECORD_BUILD_TYPE     "urn:coldpatch:offline-patch:v1"
#define RECORD_BUILDER_PREFIX "urn:coldpatch:builder:"

#endif
