/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volumes as part of a guest.  Private to lib/guest. */
#ifndef COLDPATCH_GUEST_VOLUME_H
#define COLDPATCH_GUEST_VOLUME_H

#include "disk/volume.h"
#include "guest/guest.h"

/* `found` with its members told by disk: `members[i]` is where its member i lies.  A value. */
struct guest_volume *guest_volume_new(const struct volume *found,
				      const struct guest_filesystem *members);
/* NULL of NULL. */
struct guest_volume *guest_volume_copy(const struct guest_volume *volume);
void guest_volume_free(struct guest_volume *volume);

#endif
