/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trash: what prune took, kept for some days.
 *
 * A generation is in its place or in the trash, whole, and moves by one rename.  In the place of
 * one that was taken stay its record and pruned.json, so that history and hash chain can still be
 * verified; heads name it for ever.
 *
 * Prune moves first and then asks again whether anybody needs what it took; rollback and clone say
 * first that they need it and then look whether it is there.  Whoever comes second sees the other,
 * and takes it back.
 */
#ifndef COLDPATCH_LIBRARY_TRASH_H
#define COLDPATCH_LIBRARY_TRASH_H

#include "library/library.h"

#define TRASH_MARK  "pruned.json"
#define TRASH_GONE  ".gone-" /* what is being removed */
#define TRASH_BASES "-bases" /* trash/RUN-bases, of trash_take_files */

struct trash_order {
	const char *run;
	const char *name; /* of the template */
	uint64_t number;
	const uint64_t *below; /* the generations that it is backed by, all of them */
	size_t n_below;
};

/* As trash/RUN-NAME-N.  *ret_taken says where it is; on failure, too: what fails last is to make it
 * durable. */
int trash_take_generation(const struct library *library, const struct trash_order *order,
			  bool *ret_taken, struct error *err);
/* Generation `number` is in its place, with those that it is backed by; they are taken back from
 * the trash where they were taken.  Nothing is done to what is in its place.  ERROR_MISSING:
 * neither here nor in the trash.  For rollback, clone and pin, after they have made their mark. */
int trash_take_back(const struct library *library, const char *name, uint64_t number,
		    struct error *err);
/* The same where nobody else may have it in hand: it is not waited for, and one that is not in the
 * trash, either, stays as it is. */
int trash_take_back_left(const struct library *library, const char *name, uint64_t number,
			 struct error *err);
/* Files of one directory of the library, as trash/RUN-LABEL/.  Those that are absent are passed
 * over. */
int trash_take_files(const struct library *library, const char *directory, const char *const *names,
		     const char *run, struct error *err);

/* The names of what was taken more than `age_s` seconds before `now`, and of what is half removed;
 * the run's id tells the time.  The caller frees vector and strings. */
int trash_list_older(const struct library *library, int64_t now, int64_t age_s, char ***ret,
		     size_t *ret_n, struct error *err);
int trash_remove(const struct library *library, const char *entry, struct error *err);

enum { RUN_ID_LENGTH = 23 };
/* When a run began, by its id ("20261122T140501Z-3f9a1c", and whatever follows); -1: it is none. */
int64_t run_id_time(const char *run);

#endif
