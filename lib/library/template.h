/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A template as its files tell it: its heads, checked one against the other, and the generations
 * they name.  Loading never fails because something does not verify: that is a problem of the head
 * or the generation, kept, reported, and refused as a parent.
 */
#ifndef COLDPATCH_LIBRARY_TEMPLATE_H
#define COLDPATCH_LIBRARY_TEMPLATE_H

#include "library/library.h"
#include "record/head.h"

struct template_head {
	uint64_t number;
	char *path;
	struct head *head;    /* NULL: not readable, or not signed by a known key */
	struct head *claimed; /* then: what it says, and nobody vouches for; NULL: nothing */
	struct digest digest; /* of the file */
	char *problem;	      /* NULL: fits the one before; else in words */
};

struct template_generation {
	uint64_t number;
	char *directory; /* absolute: LIBRARY/templates/NAME/N */
	char **disks;	 /* absolute paths, disk0.qcow2 first */
	size_t n_disks;
	char *record;	      /* path */
	struct digest digest; /* of the record file; all zero when it is missing */
	bool named;	      /* by a head */
	bool unfinished; /* its maker is at work, or was killed before it told that all is done */
	bool pruned;	 /* by prune: no disks any more; the record stays */
	char *problem;	 /* NULL, or in words: a disk or the record missing, a link, ... */
	char *record_problem; /* NULL, or why its record tells nothing; it may when a disk is lost
			       */
};

/* template.json: what people say of it.  Truth about generations is in the heads. */
struct template_info {
	char *owner, *purpose, *review_by;
	char *trust_domain; /* "own" when nothing is said, "unknown" when the file is not readable
			     */
};

/* A pin keeps a generation from prune: templates/NAME/pins/N-ID, a file each. */
struct template_pin {
	uint64_t generation;
	char *who;  /* free text; the path of a clone; "?" of a pin that is not readable */
	char *host; /* on which it was made; NULL: not said */
	int64_t time;
	char *path;
};

struct template
{
	char *name;
	struct template_info info;
	struct template_head *heads; /* ascending, no gaps passed over in silence */
	size_t n_heads;
	struct template_generation *generations; /* ascending */
	size_t n_generations;
	struct template_pin *pins;
	size_t n_pins;
	bool pins_unknown; /* their directory cannot be read: any generation may be pinned */
	char *current;	   /* what `current` points to; NULL: it is no link, or not there */
	char **problems;   /* in words: files that are no head, generation, ...; a bad template.json
			    */
	size_t n_problems;
};

/* `keys` as for record_read.  ERROR_MISSING: no such template. */
struct template *template_load(const struct library *library, const char *name,
			       const struct record_keys *keys, struct error *err);
void template_free(struct template *template);
DEFINE_CLEANUP(struct template, template_free)

/* The highest head; NULL only when there is none. */
const struct template_head *template_last_head(const struct template *template);
/* Has it whole generations, and no head?  An import makes the one before the other, in a generation
 * that is unfinished until then. */
bool template_lost_heads(const struct template *template);
/* ERROR_TRUST: it has no head, which only damage brings about once an import is done. */
int template_check_heads(const struct template *template, struct error *err);
/* The one of this number, whatever is wrong with it; NULL: there is none. */
struct template_generation *template_generation_numbered(const struct template *template,
							 uint64_t number);
/* Generation `number`, or the current one for -1: one that a head names.  ERROR_MISSING;
 * ERROR_TRUST when head or generation has a problem. */
const struct template_generation *template_find(const struct template *template, int64_t number,
						struct error *err);
/* The hold that is in force at `now`: the head that set it, or NULL.  Holds end by a release or by
 * their time; a rollback's hold is against what it undid only. */
const struct head *template_hold(const struct template *template, int64_t now);
/* The generation that heads[i], a rollback, went back from.  One that stays where it is repeats the
 * one before, with another end.  False: not known. */
bool template_undone(const struct template *template, size_t i, uint64_t *ret);
/* Is heads[i] a rollback whose hold is in force at `now`: not past its end, not released, not
 * repeated, and what it undid is not current again? */
bool template_is_held_by_rollback(const struct template *template, size_t i, int64_t now);

/* Something that `head` is, or that head `head` named first. */
struct template_signature {
	const char *key_id;
	int64_t time; /* when, as the signer said */
	uint64_t head;
	const char *what; /* for the message */
};
/* ERROR_TRUST: the key has ended (keys.h), and this is not from before. */
int template_check_signer(const struct template *template, const struct record_keys *keys,
			  const struct template_signature *signature, struct error *err);

int template_info_write(const struct library *library, const char *name,
			const struct template_info *info, struct error *err);
/* *ret_path (may be NULL) is the file.  That the generation is still there is to be asked
 * afterwards: prune may have been faster. */
int template_pin_add(const struct library *library, const char *name, uint64_t generation,
		     const char *who, char **ret_path, struct error *err);
int template_pin_remove(const struct library *library, const char *name,
			const struct template_pin *pin, struct error *err);

#endif
