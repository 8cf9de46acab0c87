/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volumes: block devices that a volume manager of the guest makes out of partitions and disks.  The
 * manager that is known is LVM2; its map is read as data, and the host's own device mapper and
 * configuration play no part.
 *
 * Untrusted input: nothing that is wrong with a member is an error here; it is a reason why volumes
 * are not readable, because only the guest's fstab says whether they are needed.
 */
#ifndef COLDPATCH_DISK_VOLUME_H
#define COLDPATCH_DISK_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "disk/block.h"

/* A part of a disk that may hold a piece of volumes.  All borrowed. */
struct volume_member {
	struct block *block; /* NULL: not looked at */
	const char *place;   /* for messages: "partition 2 of disk0.qcow2" */
};

struct volume_segment {
	size_t member;	       /* index */
	uint64_t offset, size; /* bytes of the member */
};

struct volume {
	const char *manager; /* "lvm": a constant */
	char *group, *group_uuid;
	char *name, *uuid;
	char **nodes; /* the device nodes that a guest has for it; the first is the one that
			 mount(8) shows */
	size_t n_nodes;
	char *grub;			 /* as GRUB names the drive: "lvmid/GROUP-UUID/UUID" */
	uint64_t size;			 /* bytes */
	struct volume_segment *segments; /* in order; none when it cannot be read */
	size_t n_segments;
	size_t *members; /* that its group lies on, in the order of `members`; at least one */
	size_t n_members;
	char *why_not_read;  /* NULL: the segments are all there is to it */
	char *why_not_write; /* NULL: writing the segments harms nothing else */
};

struct volume_set {
	struct volume *volumes; /* sorted by group, then name */
	size_t n_volumes;
	char **problems; /* one per member: why nothing can be said of what lies on it, or NULL */
	size_t n_problems;
};

/* Of all members, whatever they are: those of no volume manager are passed over.  ERROR_IO alone.
 */
int volumes_find(const struct volume_member *members, size_t n_members, struct volume_set *ret,
		 struct error *err);
void volume_set_free(struct volume_set *set);
#define CLEANUP_VOLUMES __attribute__((cleanup(volume_set_free)))

#endif
