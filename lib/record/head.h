/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A head: the signed line that makes a generation of a template the current one (design, section 5).
 * The heads of a template are its log: each names the digest of the one before, so that none can be
 * taken away, added or exchanged in the middle.
 *
 * An in-toto Statement v1 whose subject is the generation's record file, with a predicate type of our
 * own, in the same bundle form as a record (docs/record.md).
 */
#ifndef COLDPATCH_RECORD_HEAD_H
#define COLDPATCH_RECORD_HEAD_H

#include <stdint.h>

#include "record/keys.h"
#include "record/record.h"

enum head_kind {
	HEAD_IMPORT,   /* a file that came from outside */
	HEAD_COMMIT,   /* a patch */
	HEAD_ROLLBACK, /* an earlier generation again */
	HEAD_HOLD,     /* the same generation; not to be patched */
	HEAD_RELEASE,  /* the same generation; no hold any more */
};
/* "import", "commit", ... */
const char *head_kind_name(enum head_kind kind);

struct head {
	enum head_kind kind;
	char *template_name;
	uint64_t number;	/* 1, 2, ... */
	uint64_t generation;	/* current from here on */
	struct digest record;	/* of that generation's record file */
	bool has_previous;	/* not in head 1 */
	struct digest previous; /* of the file of head number - 1 */
	char *run;
	char *actor, *reason; /* as claimed; NULL: not said */
	int64_t time;	      /* seconds since the epoch; the signer's clock */
	int64_t until;	      /* end of a hold, of a rollback's too; 0: none, or not said */
	bool has_undone;
	struct digest undone_plan; /* a rollback holds against this plan */
};

void head_free(struct head *head);
DEFINE_CLEANUP(struct head, head_free)
json_t *head_to_json(const struct head *head); /* the statement */
/* ERROR_TRUST, with the member that is wrong. */
struct head *head_from_json(const json_t *json, struct error *err);

/* Signs with coldpatch-sign, which opens the record and the previous head itself: it refuses
 * (ERROR_TRUST) when their digests are others, when the previous head is of another template or not
 * number - 1, and fills in the time.  Writes the bundle to `path` (fsynced, must not exist). */
struct head_sign_request {
	const char *signer;
	const char *key_path;
	const char *record_path;
	const char *previous_path; /* NULL for head 1 */
	const struct monitor *monitor;
};
int head_sign(const struct head *head, const struct head_sign_request *request, const char *path,
	      struct error *err);

/* Reads a head file and checks its signature; as record_read. */
struct head *head_read(const char *path, const struct record_keys *keys, struct digest *ret_digest,
		       struct error *err);

#endif
