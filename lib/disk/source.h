/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file of a chain: opened once, its header judged.  Private to lib/disk. */
#ifndef COLDPATCH_DISK_SOURCE_H
#define COLDPATCH_DISK_SOURCE_H

#include "disk/header.h"
#include "disk/image.h"

enum source_format { SOURCE_FORMAT_DETECT, SOURCE_FORMAT_RAW, SOURCE_FORMAT_QCOW2 };

struct source {
	struct image_file file;
	char *backing_format; /* NULL: there is no backing file, or its format is not said */
};

/* Never follows a symlink in the last component, never waits for a fifo.  With
 * SOURCE_FORMAT_DETECT the file is qcow2 if it has the magic, else raw if it looks like a disk; a
 * format that is given is believed. */
int source_open(const char *path, enum source_format format, struct source *ret, struct error *err);
void source_free(struct source *source);
#define CLEANUP_SOURCE __attribute__((cleanup(source_free)))

/* "json:...", "nbd://..." and all else that QEMU would not take for a file name. */
bool backing_name_has_protocol(const char *name);

/* ERROR_BUSY when a QEMU has the file open for writing. */
int lock_check(int fd, struct error *err);

#endif
