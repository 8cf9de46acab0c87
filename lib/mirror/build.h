/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From mirrors to what a snapshot of them would hold (struct mirror_build of layout.h). */
#ifndef COLDPATCH_MIRROR_BUILD_H
#define COLDPATCH_MIRROR_BUILD_H

#include "mirror/layout.h"

/* Verifies the indexes of one mirror and adds what they hold.  On failure nothing is added; the
 * errors are those of mirror_snapshot_make. */
int mirror_build_read(struct mirror_build *build, const struct mirror_options *options,
		      struct error *err);

/* When all mirrors are read: sources and package files get their order, which does not depend on
 * that of the mirrors, and sources that are there twice go. */
void mirror_build_sort(struct mirror_build *build);
/* Package file `i` is the one before it, once more. */
bool mirror_build_is_repeated(const struct mirror_build *build, size_t i);
/* Moves the sources to the snapshot, and lists the package files there. */
void mirror_build_finish(struct mirror_build *build, struct mirror_snapshot *snapshot);

#endif
