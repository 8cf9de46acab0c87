/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is mounted in an appliance that runs a plan, and where (appliance.c says why). */
#ifndef COLDPATCH_RUN_APPLIANCE_MOUNTS_H
#define COLDPATCH_RUN_APPLIANCE_MOUNTS_H

#include "appliance/appliance.h"
#include "run/run.h"
#include "run/served.h"

/* The root directory of one of the guest's file systems, with what it points to. */
struct root_directory {
	struct appliance_directory directory;
	struct fs_xattrs xattrs;
	struct appliance_xattr *list;
	char *path;
};

/* Zeroed, but for `copied`, before it is planned. */
struct appliance_mounts {
	bool copied; /* some of the guest's file systems are read from copies, which have a disk */
	struct appliance_mount *items;
	size_t n_items;
	struct root_directory *roots; /* one per mount of the tree */
	size_t n_roots;
};

/* The image's disks, and ours behind them: payload, scratch, and that of the copies. */
size_t appliance_mounts_disks(const struct appliance_mounts *mounts,
			      const struct run_request *request);
/* What must be served in the clear is added to `served`, whose disks come last.  ERROR_HOST: a type
 * of file system that the appliance does not mount. */
int appliance_mounts_plan(struct appliance_mounts *mounts, const struct run_request *request,
			  struct served *served, struct error *err);
void appliance_mounts_clear(struct appliance_mounts *mounts);

#endif
