/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verifying an overlay against its record, and the record's ancestors down the chain to the base.
 *
 * Where the records that were given do not reach down to the last file of the chain, the content of
 * the whole, which the first of them has the digest of, is read and compared.
 *
 * What is found out is data: one finding per thing that was compared, so that whatever differs is
 * named with what it should be and what it is.
 */
#ifndef COLDPATCH_RECORD_VERIFY_H
#define COLDPATCH_RECORD_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/monitor.h"

enum finding_status {
	FINDING_OK,
	FINDING_BAD,
	FINDING_GAP,  /* a part of the history that was not given: nothing is known about it */
	FINDING_NOTE, /* recorded, and not compared with anything here */
};
/* "ok", "bad", "gap", "note" */
const char *finding_status_name(enum finding_status status);

struct finding {
	enum finding_status status;
	char *what;   /* "signature", "overlay", "parent", "chain", "parent-record", "plan", ... */
	char *object; /* the file, or what stands for it */
	char *expected; /* or NULL */
	char *found;	/* or NULL */
};

struct verification {
	struct finding *findings;
	size_t n_findings;
};

struct verify_request {
	const char *overlay;
	const char *record;
	const char *const *ancestor_records; /* files, in any order */
	size_t n_ancestor_records;
	const char *const *public_keys; /* as for record_read */
	size_t n_public_keys;
	/* As for image_open.  None: the files that the headers name, if the overlay is the very one
	 * that the record speaks of. */
	const char *const *backing;
	size_t n_backing;
	/* A private directory, for reading the content where no record tells of the lowest files of
	 * the chain.  NULL: then nothing is known of them. */
	const char *work_dir;
	const struct monitor *monitor;
};

/* -1 only when it could not be looked at: ERROR_MISSING overlay or record, ERROR_IO, ERROR_CONFIG
 * (a key).  Whatever does not fit is a finding. */
int record_verify(const struct verify_request *request, struct verification *ret,
		  struct error *err);
bool verification_has(const struct verification *verification, enum finding_status status);
json_t *verification_to_json(const struct verification *verification);
void verification_free(struct verification *verification);

#endif
