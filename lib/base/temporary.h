/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of what is being made where others look, too:
 *
 *	.tmp-LABEL-COUNT.PID.STARTED.HASH
 *
 * HASH is of the boot and pid namespace (lifetime.h).  Whoever is killed between any two system
 * calls leaves something whose owner the name tells, so that the next command can remove it, and
 * nothing else.
 */
#ifndef COLDPATCH_BASE_TEMPORARY_H
#define COLDPATCH_BASE_TEMPORARY_H

#include <stdbool.h>
#include <string.h>

#include "base/error.h"

#define TEMPORARY_PREFIX ".tmp-"

enum temporary_owner {
	TEMPORARY_NOT,	     /* no such name */
	TEMPORARY_ALIVE,     /* of a process that lives */
	TEMPORARY_GONE,	     /* of one that does not */
	TEMPORARY_ELSEWHERE, /* of another boot, host or container, or with no owner in it */
};

/* Does it look like one of these names?  temporary_owner_of() reads the rest. */
static inline bool temporary_named(const char *name)
{
	return strncmp(name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0;
}

/* A name that is never given twice; allocated. */
char *temporary_name(const char *label);
/* PARENT/temporary_name(label), allocated. */
char *temporary_path(const char *parent, const char *label);
enum temporary_owner temporary_owner_of(const char *name);

/* A new private (0700) directory of such a name; the caller frees the path. */
char *temporary_directory_make(const char *parent, const char *label, struct error *err);
/* Removes what was left in `directory` by processes that are gone, and what nobody has touched for
 * a day.  What cannot be removed stays. */
void temporary_sweep(const char *directory);

#endif
