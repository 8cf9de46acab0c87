/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the signer is asked: one JSON document on its standard input. */
#ifndef COLDPATCH_SIGN_REQUEST_H
#define COLDPATCH_SIGN_REQUEST_H

#include "base/buffer.h"
#include "record/head.h"
#include "record/record.h"

struct request {
	char *key_path;
	struct record *record; /* one of these two */
	struct head *head;
	char **overlays, **parents; /* with a record */
	size_t n_overlays, n_parents;
	char *record_path, *previous_path; /* with a head; head 1 has no previous one */
};

/* {"type": "record", "statement": ..., "key": PATH, "overlays": [PATH...], "parents": [PATH...]} or
 * {"type": "head", "statement": ..., "key": PATH, "record": PATH, "previous": PATH}.  ERROR_USAGE:
 * not such a document; ERROR_TRUST: a statement this program does not sign. */
int request_parse(const struct buffer *text, struct request *ret, struct error *err);
/* Opens the files and compares them with what the statement says.  ERROR_TRUST names the one that
 * differs. */
int request_check_files(const struct request *request, struct error *err);
void request_free(struct request *request);

/* The part for heads: the record has the digest, the kind and the template that the head says; the
 * head before it is the one that it goes on from.  Who signed that one is not asked: whoever
 * verifies this head verifies all before it. */
int request_check_head(const struct request *request, struct error *err);

#endif
