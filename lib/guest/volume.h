/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volumes as part of a guest.  Private to lib/guest. */
#ifndef COLDPATCH_GUEST_VOLUME_H
#define COLDPATCH_GUEST_VOLUME_H

#include "disk/volume.h"
#include "guest/guest.h"

/* `found` with its members told by disk: `members[i]` is where its member i lies.  A value. */
struct guest_volume *guest_volume_new(const struct volume *found,
				      const struct guest_filesystem *members);
/* Adds where `size` bytes at `offset` of a file system's place lie on the disks. */
void guest_volume_add_segments(struct guest_volume *volume, const struct guest_filesystem *place,
			       uint64_t offset, uint64_t size);
/* NULL of NULL. */
struct guest_volume *guest_volume_copy(const struct guest_volume *volume);
void guest_volume_free(struct guest_volume *volume);

#endif
