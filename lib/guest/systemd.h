/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What systemd mounts without a line of fstab: by mount units (systemd.mount(5)), and by the types
 * of partitions (systemd-gpt-auto-generator(8)). */
#ifndef COLDPATCH_GUEST_SYSTEMD_H
#define COLDPATCH_GUEST_SYSTEMD_H

#include "guest/fstab.h"
#include "guest/guest.h"

/* After all that `fstab` names is mounted in `tree`, and noted in `guest`: what else the guest
 * mounts over places of packages when it runs becomes a blocker, what it mounts elsewhere a note,
 * but for places of users. */
int systemd_check_mounts(struct tree *tree, const struct fstab *fstab, struct guest *guest,
			 struct error *err);

#endif
