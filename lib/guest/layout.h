/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The places where file systems can lie (partitions, disks without a table, volumes), what each
 * holds, and which of them is the root. */
#ifndef COLDPATCH_GUEST_LAYOUT_H
#define COLDPATCH_GUEST_LAYOUT_H

#include "guest/guest.h"

/* The handles behind one entry of guest->filesystems, at the same index. */
struct place {
	struct block *block;	 /* owned by the layout */
	struct fs *fs;		 /* owned by the layout, NULL when not open */
	struct error open_error; /* why a readable one did not open */
	bool hibernated;	 /* holds the memory of a suspended machine */
	bool member;		 /* a piece of volumes that are known */
};

struct layout {
	const struct image *const *images; /* borrowed */
	struct block *const *blocks;	   /* borrowed */
	size_t n_disks;
	struct guest *guest; /* borrowed; disks and filesystems are filled */
	struct place *places;
	size_t n_places;
};

/* Reads the partition tables and the maps of volumes, probes every place, and opens what can be
 * read. */
int layout_probe(struct layout *layout, struct error *err);
/* The place that holds the operating system's root; closes those that turn out too damaged to look
 * at.  ERROR_IMAGE when there is none or several. */
int layout_find_root(struct layout *layout, size_t *ret, struct error *err);
/* Hands over the file system of a place; opened again when it is to be written. */
struct fs *layout_take_fs(struct layout *layout, size_t index, bool writable, struct error *err);
/* "partition 2 of disk0.qcow2", "volume vg/root", or the file's name alone for a whole disk.  The
 * caller frees. */
char *layout_place(const struct layout *layout, size_t index);
void layout_free(struct layout *layout);
#define CLEANUP_LAYOUT __attribute__((cleanup(layout_free)))

/* The signature of a hibernation image in a swap header of `page_size` bytes or larger. */
bool swap_is_hibernated(const char *buf, size_t len, size_t page_size);

#endif
