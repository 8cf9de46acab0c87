/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are digested before the request is there. */
#ifndef COLDPATCH_SIGN_AHEAD_H
#define COLDPATCH_SIGN_AHEAD_H

#include <sys/stat.h>

#include "base/buffer.h"
#include "base/digest.h"

/* Reads `fd` to its end and gives the request.  Before it there may be lines of
 * {"ahead": [PATH...]}: each is acted on as soon as it is there. */
int ahead_read(int fd, size_t limit, struct buffer *ret, struct error *err);
/* The digest of an open file, whose state is `st`: what was computed ahead, if nothing of the file
 * has changed since. */
int ahead_digest(int fd, const struct stat *st, struct digest *ret, struct error *err);

#endif
