/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a directory lies.  By inodes, up to the root: paths go through links, and one library, or a
 * part of it, may be mounted in several places. */
#ifndef COLDPATCH_LIBRARY_INSIDE_H
#define COLDPATCH_LIBRARY_INSIDE_H

#include <stdbool.h>
#include <sys/stat.h>

/* One that could not be asked, all zeros, is none. */
bool same_inode(const struct stat *a, const struct stat *b);
/* Do both paths lead to one file? */
bool same_file(const char *a, const char *b);
/* Is the open directory `root`, or below it? */
bool directory_is_inside(int dir, const struct stat *root);
/* Does the file lie in a library, whichever, or would it?  Of what is not there yet the nearest
 * directory that is counts. */
bool path_is_in_library(const char *path);

#endif
