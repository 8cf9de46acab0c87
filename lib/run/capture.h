/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture: the state of the view after the run, as the runner reported it from inside the
 * executor. Untrusted input, bounded and checked when it is read.  It lists every path; those that
 * may have changed carry metadata and content, the others are known untouched (same inode, ctime
 * before the run). Ids in owners, ACLs and capabilities are the guest's.
 */
#ifndef COLDPATCH_RUN_CAPTURE_H
#define COLDPATCH_RUN_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "fs/fs.h"

struct capture_extent {
	uint64_t offset; /* in the file, bytes */
	uint64_t length;
	uint64_t spool; /* where its bytes lie in the spool file */
};

struct capture_entry {
	char *path;   /* absolute in the guest, bytes */
	bool touched; /* false: exactly what the guest has; only `path` and `ino` below are set */
	/* The inode is the one that was copied from the guest at `origin_path` (it may have been
	 * renamed since), so what the view could not hold (security.* and trusted.* xattrs, flags)
	 * is still the guest's. NULL: a new inode. */
	char *origin_path;
	uint64_t ino;	     /* in the view: equal numbers are hardlinks */
	struct fs_stat stat; /* size, mode, owner, mtime, flags as the view has them */
	struct fs_xattrs xattrs;
	char *target; /* of a symlink */
	struct capture_extent
		*extents; /* of a regular file, the first name of a hardlink group only */
	size_t n_extents;
};

struct capture {
	struct capture_entry *entries; /* sorted by path, bytes compared with strcmp; "/" first */
	size_t n_entries;
	int spool; /* file with the content; read-only; owned */
};

void capture_free(struct capture *capture);
DEFINE_CLEANUP(struct capture, capture_free)

#endif
