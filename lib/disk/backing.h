/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a file says it is backed by, without opening that: for finding out which files depend on
 * others.
 *
 * Here a header is no refusal: an image that is dirty, encrypted or of a later version still
 * depends on its backing file.
 */
#ifndef COLDPATCH_DISK_BACKING_H
#define COLDPATCH_DISK_BACKING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct image_backing {
	bool qcow2;	       /* else nothing is known */
	uint64_t virtual_size; /* bytes */
	char *name;	       /* as the header spells it; NULL: none */
};

/* ERROR_IO; ERROR_IMAGE: a name that lies outside the file or is too long. */
int image_backing_read(int fd, struct image_backing *ret, struct error *err);
void image_backing_free(struct image_backing *backing);
#define CLEANUP_BACKING __attribute__((cleanup(image_backing_free)))

/* Has any QEMU the file open, for writing or reading? */
int image_file_in_use(int fd, bool *ret, struct error *err);

#endif
