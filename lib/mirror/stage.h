/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a snapshot is built: a directory beside its place in the store, so that nothing in the
 * store changes before everything is verified.  Its name tells its owner (base/temporary.h), and
 * the next make removes it when that process is gone.
 */
#ifndef COLDPATCH_MIRROR_STAGE_H
#define COLDPATCH_MIRROR_STAGE_H

#include <stdint.h>

#include "base/digest.h"
#include "base/monitor.h"

struct stage {
	char *store;
	char *directory;
	const struct monitor *monitor; /* borrowed; asked while large files are copied */
};

/* Makes the store if need be, removes what dead owners left, makes a directory. */
int stage_open(const char *store, const struct monitor *monitor, struct stage *ret,
	       struct error *err);
/* Removes the directory with all that was not published. */
void stage_close(struct stage *stage);
#define CLEANUP_STAGE __attribute__((cleanup(stage_close)))

/* Writes a read-only file below the stage, with the directories it needs, and syncs it. */
int stage_write(const struct stage *stage, const char *path, const void *data, size_t len,
		struct error *err);

/* Copies a package file, unless the store or the stage has one of that digest and size.  What was
 * copied is what was hashed.  ERROR_TRUST: it is not `size` bytes with this digest. */
int stage_package(const struct stage *stage, int fd, const struct digest *sha256, uint64_t size,
		  struct error *err);

/* The same check, of the file where it lies. */
int stage_package_check(int fd, const struct digest *sha256, uint64_t size,
			const struct monitor *monitor, struct error *err);

/* Opens what stage_package copied, or found in the store, read-only. */
int stage_package_open(const struct stage *stage, const struct digest *sha256, struct error *err);

/* Moves all staged packages to their places, then DIRECTORY/snapshot to mirror-snapshots/`name`.
 * That there is one already is success: equal names are equal content. */
int stage_publish(const struct stage *stage, const char *name, struct error *err);

#endif
