/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies on the disks: every partition and what it holds, and which of them is the root. */
#ifndef COLDPATCH_GUEST_LAYOUT_H
#define COLDPATCH_GUEST_LAYOUT_H

#include "guest/guest.h"

/* The handles behind one entry of guest->filesystems, at the same index. */
struct volume {
	struct block *block;	 /* owned by the layout */
	struct fs *fs;		 /* owned by the layout, NULL when not open */
	struct error open_error; /* why a readable one did not open */
	bool hibernated;	 /* holds the memory of a suspended machine */
};

struct layout {
	const struct image *const *images; /* borrowed */
	struct block *const *blocks;	   /* borrowed */
	size_t n_disks;
	struct guest *guest; /* borrowed; disks and filesystems are filled */
	struct volume *volumes;
	size_t n_volumes;
};

/* Reads the partition tables, probes every partition (a disk without a table as a whole), and opens
 * what can be read. */
int layout_probe(struct layout *layout, struct error *err);
/* The volume that holds the operating system's root; closes those that turn out too damaged to look
 * at.  ERROR_IMAGE when there is none or several. */
int layout_find_root(struct layout *layout, size_t *ret, struct error *err);
/* Hands over the file system of a volume; opened again when it is to be written. */
struct fs *layout_take_fs(struct layout *layout, size_t volume, bool writable, struct error *err);
/* "partition 2 of disk0.qcow2", or the file's name alone for a whole disk.  The caller frees. */
char *layout_place(const struct layout *layout, size_t volume);
void layout_free(struct layout *layout);
#define CLEANUP_LAYOUT __attribute__((cleanup(layout_free)))

/* The signature of a hibernation image in a swap header of `page_size` bytes or larger. */
bool swap_is_hibernated(const char *buf, size_t len, size_t page_size);

#endif
