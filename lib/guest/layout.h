/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The places where file systems can lie (partitions, disks without a table, volumes), what each
 * holds, and which of them is the root. */
#ifndef COLDPATCH_GUEST_LAYOUT_H
#define COLDPATCH_GUEST_LAYOUT_H

#include "fs/copies.h"
#include "guest/guest.h"

/* The handles behind one entry of guest->filesystems, at the same index. */
struct place {
	struct block *block;	 /* owned by the layout; NULL: another tree of an earlier one */
	struct fs *fs;		 /* owned by the layout, NULL when not open */
	struct error open_error; /* why a readable one did not open */
	bool read_only;		 /* writing it would harm others */
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
	bool writable, firmware;	/* as struct guest_access has them */
	const struct copies_host *host; /* borrowed; NULL: there is no appliance */
	const struct passphrase *keys;	/* borrowed; of encrypted containers */
	size_t n_keys;
	struct copies *copies; /* owned; NULL: not made yet */
};

/* Reads the partition tables and the maps of volumes, probes every place, and opens what can be
 * read. */
int layout_probe(struct layout *layout, struct error *err);
/* Opens the encrypted containers among the places from `first` on; what they hold becomes places.
 * One that does not open is told by its place's open_error. */
int layout_decrypt(struct layout *layout, size_t first, struct error *err);
/* One more place, of a volume that `where` owns and that is taken. */
int layout_add_place(struct layout *layout, const struct guest_filesystem *where,
		     struct error *err);
/* Are there places that only an appliance reads, and were they not copied yet? */
bool layout_can_copy(const struct layout *layout);
/* Copies those that the fstab, or the fstab that is found on them (NULL), names: copies_open. */
int layout_copy(struct layout *layout, const char *fstab, struct error *err);
/* The entry that holds this tree of a file system; false: it was not copied. */
bool layout_find_tree(const struct layout *layout, size_t index, const char *part, size_t *ret);
/* The place that holds the operating system's root; when none can be read without, an appliance
 * reads them.  Closes those that turn out too damaged to look at.  ERROR_IMAGE when there is none
 * or several. */
int layout_find_root(struct layout *layout, size_t *ret, struct error *err);
/* Hands over the file system of a place; opened again when it is to be written. */
struct fs *layout_take_fs(struct layout *layout, size_t index, struct error *err);
/* "partition 2 of disk0.qcow2", "volume vg/root", or the file's name alone for a whole disk.  The
 * caller frees. */
char *layout_place(const struct layout *layout, size_t index);
void layout_free(struct layout *layout);
#define CLEANUP_LAYOUT __attribute__((cleanup(layout_free)))

/* The signature of a hibernation image in a swap header of `page_size` bytes or larger. */
bool swap_is_hibernated(const char *buf, size_t len, size_t page_size);

#endif
