/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the signer is asked: one JSON document on its standard input. */
#ifndef COLDPATCH_SIGN_REQUEST_H
#define COLDPATCH_SIGN_REQUEST_H

#include "base/buffer.h"
#include "record/record.h"

struct request {
	struct record *record;
	char *key_path;
	char **overlays, **parents;
	size_t n_overlays, n_parents;
};

/* {"statement": ..., "key": PATH, "overlays": [PATH...], "parents": [PATH...]}.  ERROR_USAGE: not
 * such a document; ERROR_TRUST: a statement this program does not sign. */
int request_parse(const struct buffer *text, struct request *ret, struct error *err);
/* Opens the files and compares their digests with what the statement says.  ERROR_TRUST names the
 * one that differs. */
int request_check_files(const struct request *request, struct error *err);
void request_free(struct request *request);

#endif
