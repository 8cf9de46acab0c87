/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a file's backing name down its chain, into the library or to its end. */
#ifndef COLDPATCH_LIBRARY_CLONES_FOLLOW_H
#define COLDPATCH_LIBRARY_CLONES_FOLLOW_H

#include <sys/stat.h>

#include "disk/backing.h"
#include "library/clones.h"

/* LIBRARY/templates, LIBRARY/bases and the files that are asked for; one that is not there has no
 * inode. */
struct clone_places {
	struct stat templates, bases;
	struct stat *files;
	size_t n_files;
};

/* Adds what the chain uses of the library, and of the files: as uses of which only the target is
 * filled in.
 * `directory` is where a relative name is meant from.  An error: a file of the chain cannot be read
 * or understood, so nobody knows; what was found before is added. */
int clone_follow(const struct clone_places *places, const char *directory,
		 const struct image_backing *backing, struct clones *found, struct error *err);
/* The same for the file at `path`, as if something were backed by it; what is a directory there is
 * used if it is a generation's. */
int clone_follow_path(const struct clone_places *places, const char *path, struct clones *found,
		      struct error *err);

#endif
