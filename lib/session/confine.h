/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a worker process may still do, once it starts to read what nobody vouches for.
 *
 * A worker gives up, for good and before it opens anything:
 *
 *     everything it may not have   limits, the network (a namespace of its own, but for the one
 *                                  worker that fetches), capabilities but those it names,
 *                                  no_new_privs, a deny-list of system calls
 *     files, by rules              Landlock: all but the paths that its confinement lists
 *     files, by mounts             for workers whose children mount, which Landlock forbids: a
 *                                  mount namespace in which all but the listed paths is read-only
 *
 * The signing key is in nobody's reach: it is on no list, and where we may mount, something else
 * lies on top of its directory.
 *
 * What the kernel or a missing privilege does not let us have is left out; confine_lacks() says
 * what that is.
 */
#ifndef COLDPATCH_SESSION_CONFINE_H
#define COLDPATCH_SESSION_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

enum confined_access {
	CONFINED_READ,	 /* the file, or all below the directory */
	CONFINED_FILL,	 /* all below the directory; it is made where it is missing */
	CONFINED_BESIDE, /* all below the directory that the file is in */
};

/* A path in the task's input: "image.disks" is each element of member "disks" of member "image".
 * `below` is added to it. */
struct confined_path {
	const char *member;
	const char *below; /* NULL: the path itself */
	enum confined_access access;
};

enum confined_by {
	CONFINED_BY_RULES,  /* may not mount */
	CONFINED_BY_MOUNTS, /* its children mount in user namespaces */
	CONFINED_LOOSELY, /* runs guest code: mounts, namespaces, devices; only the key is hidden */
};

struct confinement {
	enum confined_by by;
	const struct confined_path *paths; /* ends with a NULL member */
	uint64_t capabilities;		   /* a bit for each that is kept */
	bool appliance; /* it may launch one, whose process mounts by descriptor */
	bool network;	/* keeps it; such a worker is given neither images nor keys */
};

/* For this process, which has one thread; `keys` is an array of paths, or NULL.  ERROR_HOST when it
 * cannot be done although the kernel can. */
int confine_worker(const struct confinement *confinement, const json_t *input, const json_t *keys,
		   struct error *err);

/* What workers of this user on this kernel have to do without, as words for a person; NULL when it
 * is nothing.  The caller frees. */
char *confine_lacks(void);

#endif
