/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_RUN_CAPTURE_READ_H
#define COLDPATCH_RUN_CAPTURE_READ_H

#include "run/capture.h"

/*
 * Reads the runner's capture stream (capture_format.h) from fd, a pipe or a file, to its end.
 * Content goes to an unlinked file in spool_dir, at most `limit` bytes of it.  Untrusted:
 * ERROR_GUEST when it is not well-formed, ERROR_SPACE above the limit.
 */
struct capture *capture_read(int fd, const char *spool_dir, uint64_t limit,
			     const struct monitor *monitor, struct error *err);

#endif
