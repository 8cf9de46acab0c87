/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the guest's fstab to one tree. */
#ifndef COLDPATCH_GUEST_MOUNT_H
#define COLDPATCH_GUEST_MOUNT_H

#include "guest/layout.h"

/* Mounts the volume `root` at "/" and what the fstab in it names below.  What is needed and cannot
 * be had becomes a blocker of layout->guest, the rest a note.  The tree borrows the volumes' block
 * devices; the caller frees it first. */
struct tree *mount_all(struct layout *layout, size_t root, struct error *err);

#endif
