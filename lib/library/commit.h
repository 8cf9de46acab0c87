/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making a generation, and making it the current one: steps 1 and 5 to 7 of the commit protocol
 * (docs/library.md).  No lock is needed for safety: link(2) of the next head is the
 * compare-and-swap, between processes and between hosts, over NFS.
 */
#ifndef COLDPATCH_LIBRARY_COMMIT_H
#define COLDPATCH_LIBRARY_COMMIT_H

#include "library/owner.h"
#include "library/template.h"

/* A generation in the making: templates/NAME/.tmp-RUN... (owner.h) with an owner file. */
struct staging {
	const struct library *library;
	char *name, *run;
	char *path;	 /* absolute; follows the rename */
	uint64_t number; /* once published; 0 before (generation 0 as well) */
	struct owner_file *owner;
	bool published;
};

/* Makes the template's directory, too, where there is none (an import). */
struct staging *staging_new(const struct library *library, const char *name, const char *run,
			    struct error *err);
/* Step 6: every file read-only, owner, group and label of `like` (the parent's disk file, or NULL),
 * fsynced; disks have its read bits, records 0444, logs 0440.  Renamed to the first number that is
 * free and above every one that was ever used. */
int staging_publish(struct staging *staging, const char *like, struct error *err);
/* Ends it: whatever no head names is removed. */
void staging_free(struct staging *staging);
DEFINE_CLEANUP(struct staging, staging_free)

/* Step 7: `staged` is a signed head, made beside; it becomes heads/NNNNNN, and is no more.
 * ERROR_BUSY: somebody was faster; ERROR_TRUST: there is no head before it.  An error of link(2)
 * after which the file has two names was none. */
int heads_append(const struct library *library, const char *name, uint64_t number,
		 const char *staged, struct error *err);
/* ERROR_BUSY: there is one after `number`, and whoever read that one would be too late. */
int heads_check_last(const struct library *library, const char *name, uint64_t number,
		     struct error *err);
/* Where a head is staged: templates/NAME/heads/.tmp-RUN..., allocated; another one each time. */
char *heads_staged_path(const struct library *library, const char *name, const char *run);

/* `current` says what the last head says; a later one than the one that names `generation` wins.
 * ERROR_TRUST: something that is no link is in its place. */
int current_mend(const struct library *library, const char *name, uint64_t generation,
		 struct error *err);

/* The directory of a template that never came to be, if nothing but an empty directory of heads is
 * in it; `template` is open on it. */
void template_remove_unborn(const struct library *library, const char *name, int template);
/* What a prune that was killed left in the trash: generations that heads name and that are not in
 * their place at all; what is current or pinned, with what that is backed by.  For whoever has the
 * lease, or sees that nobody has: a prune that is alive puts right what it does. */
int template_take_back(const struct library *library, const struct template *template,
		       struct error *err);
/* What a killed command left in one template: .tmp-* and numbered directories that no head names,
 * whose owner is gone; `current`; without a lease, what template_take_back does.  Everything else
 * is kept. */
int template_recover(const struct library *library, const char *name,
		     const struct record_keys *keys, struct error *err);
/* The same for what lies beside the templates, bases, and for templates that have no head: of an
 * import that was killed, perhaps under a name that is never used again. */
int library_recover(const struct library *library, struct error *err);
/* Has the template heads, or is that not known? */
bool template_has_heads(const struct library *library, const char *name);

/* By somebody who is not gone; the lease of one who is goes. */
bool template_is_leased(const struct library *library, const char *name);

#define LEASE_NAME "lease" /* in the template's directory */
/* Heads need no lease of the template: it saves work.  Whoever writes template.json has it, and
 * reads that file anew under it: else of two who do so at once one's words would be lost.
 * ERROR_BUSY says who has it. */
struct owner_file *template_lease(const struct library *library, const char *name, const char *run,
				  struct error *err);

#endif
