/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records (docs/record.md): an in-toto Statement v1 with SLSA provenance v1,
 * signed as DSSE, stored as a Sigstore bundle v0.3 with a public key.
 */
#ifndef COLDPATCH_RECORD_RECORD_H
#define COLDPATCH_RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/monitor.h"
#include "record/keys.h"

struct record_subject {
	char *name; /* "overlay.qcow2", "overlay.qcow2#content" */
	struct digest digest;
	char *sha512; /* lower-case hex, of an exported file; else NULL */
};

struct record_dependency {
	char *name; /* "parent", "parent-record", "generation-record", "mirror-snapshot", "index",
		       "package" */
	char *uri;  /* purl for packages (purl.h),
		       else a relative name */
	struct digest digest;
	json_t *annotations; /* object or NULL; owned */
};

struct record_byproduct {
	char *name; /* "plan", "layer", "log" */
	struct digest digest;
};

enum record_build_type {
	RECORD_PATCH,  /* overlays made by updates, each on its parent */
	RECORD_IMPORT, /* overlays that hold nothing, each on a file that came from outside */
	RECORD_EXPORT, /* files that stand alone, made from the generation of "generation-record" */
};
/* "urn:coldpatch:offline-patch:v1", ... */
const char *record_build_type_uri(enum record_build_type type);

/* What is signed, before it is JSON. */
struct record {
	enum record_build_type build_type;
	struct record_subject *subjects;
	size_t n_subjects;
	json_t *external_parameters; /* template or image, patchset, actor, reason, holds */
	json_t *internal_parameters; /* executor, accelerator, network: none, ... */
	struct record_dependency *dependencies;
	size_t n_dependencies;
	struct record_byproduct *byproducts;
	size_t n_byproducts;
	char *builder; /* record_builder() */
	char *run_id;
	int64_t started, finished; /* seconds since the epoch */
	char *key_id; /* who signed it, where it was read from a bundle; no part of the statement */
};
#define RECORD_CONTENT_SUFFIX "#content" /* of the name of a content digest's subject */

void record_free(struct record *record);
DEFINE_CLEANUP(struct record, record_free)
json_t *record_to_json(const struct record *record); /* the statement */
/* ERROR_TRUST when it is not a statement of ours, with the member that is wrong.  Members that are
 * not known are extensions and ignored. */
struct record *record_from_json(const json_t *json, struct error *err);

/* Overlay files (subjects without RECORD_CONTENT_SUFFIX) and dependencies by name, in order: the
 * n-th overlay is backed by the n-th "parent".  NULL when there are not so many. */
const struct record_subject *record_overlay(const struct record *record, size_t n);
/* What that overlay shows a guest, all of its chain together; NULL: the record does not say. */
const struct digest *record_content(const struct record *record, size_t n);
const struct record_dependency *record_dependency_named(const struct record *record,
							const char *name, size_t n);

/* Was it made straight on a base, without the generations between, whose records still lead to it?
 */
bool record_is_squashed(const struct record *record);

/* The builder's URI for an executor ("sandbox", "appliance") and accelerator ("none", "kvm",
 * "tcg"): one whose guarantees differ is another builder.  The caller frees. */
char *record_builder(const char *executor, const char *accelerator);

/* Signs with coldpatch-sign, a program of its own: it opens the new overlays and their parents
 * itself, computes their digests and refuses (ERROR_TRUST) when the statement says otherwise.  An
 * export's files have no parents; of its "generation-record" it opens the file.
 * Writes the bundle to `path` by file_replace. */
struct sign_request {
	const char *signer; /* path of the coldpatch-sign program */
	const char *key_path;
	const char *const *overlay_paths; /* in the order of the statement's subjects */
	size_t n_overlays;
	const char *const *parent_paths; /* each overlay's backing file; of an export, the one file
					    of its "generation-record" */
	size_t n_parents;
	const struct monitor *monitor; /* may be NULL */
	struct signing *ahead;	       /* one that was started before (signing.h), or NULL */
};
int record_sign(const struct record *record, const struct sign_request *request, const char *path,
		struct error *err);

/* Reads a bundle and checks its signature.  ERROR_TRUST: no such key, a revoked one, one that
 * was retired before, bad signature, not a statement of ours.
 * *ret_digest (may be NULL): of the bundle file, which the next record names as parent-record. */
struct record *record_read(const char *path, const struct record_keys *keys,
			   struct digest *ret_digest, struct error *err);
/* The record that something trusted (a head that was checked) names by this digest: ERROR_TRUST
 * when it is another file.  A key that has ended since does not matter then:
 * template_check_signer. */
struct record *record_read_named(const char *path, const struct record_keys *keys,
				 const struct digest *named, struct error *err);

#endif
