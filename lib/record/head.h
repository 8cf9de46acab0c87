/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A head: the signed line that makes a generation of a template the current one. The heads of a
 * template are its log: each names the digest of the one before, so that none can be taken away,
 * added or exchanged in the middle.
 *
 * An in-toto Statement v1 whose subject is the generation's record file, with a predicate type of
 * our own, in the same bundle form as a record (docs/record.md).
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
	uint64_t number;	/* 1, 2, ...; number 1 is an import */
	uint64_t generation;	/* current from here on */
	struct digest record;	/* of that generation's record file */
	bool has_previous;	/* not in head 1 */
	struct digest previous; /* of the file of head number - 1 */
	char *run;
	char *actor, *reason; /* as claimed; NULL: not said */
	int64_t time;	      /* seconds since the epoch; the signer's clock */
	uint64_t caller_uid;  /* who asked for the signature, as the kernel told the signer */
	int64_t until;	      /* end of a hold, of a rollback's too; 0: none, or not said */
	bool has_undone;
	struct digest undone_plan; /* of the earliest generation that a rollback undid */
	char *key_id;		   /* who signed it, where it was read; no part of the statement */
};

void head_free(struct head *head);
DEFINE_CLEANUP(struct head, head_free)
json_t *head_to_json(const struct head *head); /* the statement */
/* ERROR_TRUST, with the member that is wrong. */
struct head *head_from_json(const json_t *json, struct error *err);
/* What a head says, and nobody vouches for; NULL when the bytes are no head. */
struct head *head_peek(const struct buffer *file, const char *what, struct error *err);

/* Does it go on from `previous`, whose file has this digest?  ERROR_TRUST says in words what does
 * not fit: template, number, digest, the generation that a hold or release must leave as it is. */
int head_check_follows(const struct head *head, const struct head *previous,
		       const struct digest *previous_digest, struct error *err);

/* Signs with coldpatch-sign, which opens the record and the previous head itself: it refuses
 * (ERROR_TRUST) when their digests are others, when the previous head is of another template or not
 * number - 1, when the record is of another template or another kind of thing than the head says,
 * and fills in time and caller.  Writes the bundle to `path` (fsynced, must not exist). */
struct head_sign_request {
	const char *signer;
	const char *key_path;
	const char *record_path;
	const char *previous_path; /* NULL for head 1 */
	const struct monitor *monitor;
};
int head_sign(const struct head *head, const struct head_sign_request *request, const char *path,
	      struct error *err);

enum { HEAD_MAX_SIZE = 1 << 20 };
/* Checks the signature of a head file's bytes; `what` names it.  That the key has ended is no error
 * here: see record_keys_good_head. */
struct head *head_open(const struct buffer *file, const char *what, const struct record_keys *keys,
		       struct error *err);
/* The same for a file that lies anywhere, as record_read: what a key signed after its end is
 * refused, unless it is the very head that the end names. */
struct head *head_read(const char *path, const struct record_keys *keys, struct digest *ret_digest,
		       struct error *err);

#endif
