/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The paths that a task's input names, as its confinement lists them. */
#ifndef COLDPATCH_SESSION_CONFINE_PATHS_H
#define COLDPATCH_SESSION_CONFINE_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#include "session/confine.h"

struct paths {
	struct {
		char *path;
		bool writable;
	} * items;
	size_t n;
};
void paths_free(struct paths *paths);
#define CLEANUP_PATHS __attribute__((cleanup(paths_free)))

/* Directories to fill are made. */
int paths_collect(const struct confined_path *list, const json_t *input, struct paths *ret,
		  struct error *err);

#endif
