/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Putting files where readers look for them: whole and on disk, or not at all.  Paths of `to` and
 * `from` are below `directory`; the directories on the way are made. */
#ifndef COLDPATCH_FETCH_PLACE_H
#define COLDPATCH_FETCH_PLACE_H

#include "base/error.h"

/* By rename; `source` is an absolute path on the same file system. */
int place_move(const char *directory, const char *source, const char *to, struct error *err);
/* A link, where the file system has such, or a copy. */
int place_copy(const char *directory, const char *from, const char *to, struct error *err);

#endif
