/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File systems of the guest that the appliance cannot make out of the image's disks, because a key
 * to them is needed: each is served to it as a disk of its own, in the clear and read-only. */
#ifndef COLDPATCH_RUN_SERVED_H
#define COLDPATCH_RUN_SERVED_H

#include "appliance/appliance.h"
#include "guest/guest.h"

struct served;

struct served *served_new(const char *directory); /* private, with a short name */
/* Ends what is served. */
void served_free(struct served *served);
DEFINE_CLEANUP(struct served, served_free)
/* How many there are. */
size_t served_count(const struct served *served);
/* One more. */
int served_add(struct served *served, const struct guest_filesystem *fs,
	       struct block *const *blocks, struct error *err);
/* Names them in the job, from `disks` on, and serves them until it is ended.  The disks' blocks
 * must not be used meanwhile. */
int served_start(struct served *served, struct appliance_disk *disks, struct error *err);
/* The first error that was met. */
int served_stop(struct served *served, struct error *err);

#endif
