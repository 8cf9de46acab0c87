/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Landlock: a process gives up every access to files but those it names (landlock(7)).
 *
 * A rule set starts with everything forbidden that the running kernel can forbid: all of the file
 * system, TCP, abstract sockets, signals to others.  landlock_allow() gives back what is below a
 * file or directory.
 */
#ifndef COLDPATCH_BASE_LANDLOCK_H
#define COLDPATCH_BASE_LANDLOCK_H

#include "base/error.h"

enum landlock_access {
	LANDLOCK_READ = 1,    /* files, and names in directories */
	LANDLOCK_EXECUTE = 2, /* programs and libraries */
	LANDLOCK_WRITE = 4,   /* what is there */
	LANDLOCK_FILL = 8,    /* make, rename and remove; no device nodes */
};

/* The kernel's version of it; 0 when it has none. */
int landlock_version(void);

/* A descriptor; only where there is a version. */
int landlock_new(struct error *err);
/* One that forbids no TCP. */
int landlock_new_with_network(struct error *err);
/* `fd` may be opened with O_PATH. */
int landlock_allow(int ruleset, int fd, unsigned access, struct error *err);
/* Same by name; one that does not exist is no error. */
int landlock_allow_path(int ruleset, const char *path, unsigned access, struct error *err);
/* What every program needs to start. */
int landlock_allow_system(int ruleset, struct error *err);
/* From here on, for this thread and what it starts; needs no_new_privs.  0 or -1 with errno;
 * async-signal-safe. */
int landlock_restrict(int ruleset);

#endif
