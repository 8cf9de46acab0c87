/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block device as a read-only file, for a checker that wants a path.
 *
 * The file exists only in the mount namespace of one child process: the child mounts it (FUSE on an
 * empty file), hands the FUSE connection to us and becomes the checker; a thread of ours answers
 * its reads.  So nothing is left mounted, however either side dies, and only what is read is
 * fetched.
 */
#ifndef COLDPATCH_COMMIT_BLOCK_FILE_H
#define COLDPATCH_COMMIT_BLOCK_FILE_H

#include "base/process.h"
#include "disk/block.h"

/* Runs spec->argv, in which `path` (an empty file of the caller's) stands for the device.  The
 * block device belongs to this call until it returns.  ERROR_HOST when the host does not let the
 * child mount, or has no such program; what block_read failed with when reading the device failed
 * meanwhile. */
int block_file_run(struct block *block, const char *path, struct process_spec *spec,
		   struct process_result *ret, struct error *err);

#endif
