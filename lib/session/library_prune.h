/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a prune: generations (library_prune.c), bases (library_prune_bases.c), and what else
 * nothing needs any more (library_leftovers.c). */
#ifndef COLDPATCH_SESSION_LIBRARY_PRUNE_H
#define COLDPATCH_SESSION_LIBRARY_PRUNE_H

#include "library/retention.h"
#include "session/library.h"

struct pruning {
	struct coldpatch_session *session;
	const struct library *library;
	struct retention_rules rules;
	struct clones clones;
	char *run;
	bool dry_run;
	bool changed;
	bool cut_short; /* by `error`, after something was changed */
	size_t n_failed;
	struct error error; /* of the last one that failed */
	json_t *templates;  /* what came of each */
	json_t *removed;    /* [{"what": "base", "layer", "plan", "trash", "run", "name"}] */
	json_t *unread;	    /* ["PATH: why"]: of a dry run, what it could not read */
};

/* Whether a dry run goes on without what it may not read; that is told then. */
bool prune_goes_on(struct pruning *pruning, const struct error *problem);

/* Finds `clones` anew.  ERROR_DENIED: of some file nobody knows what it needs. */
int prune_look(struct pruning *pruning, struct error *err);
/* Something is gone, or would be: `what` as in `removed`. */
void prune_tell(struct pruning *pruning, const char *what, const char *name);

/* Of bases that a killed prune has moved: those that are needed, and not there, come back, with all
 * that were moved with them. */
int prune_recover_bases(struct pruning *pruning, struct error *err);
/* Bases that nothing needs go to the trash. */
int prune_bases(struct pruning *pruning, struct error *err);
/* Old trash and old runs are removed. */
int prune_expired(struct pruning *pruning, struct error *err);
/* Bases, layers and plans that nothing needs go to the trash. */
int prune_unneeded(struct pruning *pruning, struct error *err);

#endif
