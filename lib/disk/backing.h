/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a file says it is backed by, or has its data in, without opening that: for finding out which
 * files depend on others.
 *
 * Here a header is no refusal: an image that is dirty, encrypted, of a later version or of one of
 * qcow2's old relatives still depends on its backing file.
 */
#ifndef COLDPATCH_DISK_BACKING_H
#define COLDPATCH_DISK_BACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct image_backing {
	bool qcow2;	       /* else the size is not known */
	uint64_t virtual_size; /* bytes */
	char *name;	       /* as the header spells it; NULL: none */
	char *data_name;       /* of qcow2: the file that its data lies in, likewise */
};

struct image_backing_files {
	char **names;
	size_t n;
};

/* ERROR_IO; ERROR_IMAGE: a header that is cut off, a name that lies outside the file or is too
 * long; data in a file that it does not name. */
int image_backing_read(int fd, struct image_backing *ret, struct error *err);
void image_backing_free(struct image_backing *backing);
#define CLEANUP_BACKING __attribute__((cleanup(image_backing_free)))

/* Is it an overlay as it was made: qcow2 with a backing file, without data and snapshots of its
 * own? What cannot be read is none. */
bool image_is_empty_overlay(int fd);

/* The files that a backing name leads to, as it spells them: of "json:..." each member "filename",
 * at any depth and in either spelling.  The name of another protocol is given as if it were a
 * file's.  ERROR_IMAGE: it cannot be understood. */
int image_backing_files_new(const char *name, struct image_backing_files *ret, struct error *err);
void image_backing_files_free(struct image_backing_files *files);
#define CLEANUP_BACKING_FILES __attribute__((cleanup(image_backing_files_free)))

/* Has any QEMU the file open, for writing or reading? */
int image_file_in_use(int fd, bool *ret, struct error *err);

#endif
