/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every change of the library's files goes through these few functions.
 *
 * Each is done, durable and visible as a whole, or it is an error of the right kind (ERROR_SPACE,
 * ERROR_IO) and the name is as it was; only when the last fsync of a directory fails is it an error
 * and may yet be there.  Contents are made under a temporary name that tells its owner (owner.h),
 * so whatever a killed process leaves, anybody can clear away.
 *
 * A place is a directory, opened beneath the library, and a name in it.
 */
#ifndef COLDPATCH_LIBRARY_CHANGE_H
#define COLDPATCH_LIBRARY_CHANGE_H

#include <sys/types.h>

#include "library/library.h"

/* A directory of the library to change things in. */
int change_open_directory(const struct library *library, const char *relative, struct error *err);
/* There already is fine. */
int change_make_directory(int dir, const char *name, mode_t mode, struct error *err);
/* A new file with these bytes.  ERROR_BUSY: there is one. */
int change_write_new(int dir, const char *name, const char *text, mode_t mode, struct error *err);
/* The same, instead of the file that is there. */
int change_replace(int dir, const char *name, const char *text, mode_t mode, struct error *err);
/* A symlink, instead of the one that is there. */
int change_symlink(int dir, const char *name, const char *target, struct error *err);
/* link(2): ERROR_BUSY when the new name is taken by another file.  An error after which both names
 * are one file was none: over NFS the answer can get lost. */
int change_link(int from_dir, const char *from, int to_dir, const char *to, struct error *err);
/* rename(2) that replaces nothing but an empty directory or a file.  ERROR_BUSY: a directory that
 * is not empty is there. */
int change_rename(int from_dir, const char *from, int to_dir, const char *to, struct error *err);
/* A file, never over what has that name: that is ERROR_BUSY. */
int change_rename_new(int from_dir, const char *from, int to_dir, const char *to,
		      struct error *err);
/* Absent is fine. */
int change_remove(int dir, const char *name, struct error *err);
/* A file or a tree, under a temporary name first: killed on the way, nobody takes it for whole. */
int change_remove_tree(int dir, const char *name, struct error *err);
int change_sync(int dir, struct error *err);

#endif
