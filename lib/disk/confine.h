/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a QEMU tool may do to the host while it reads an image that nobody vouches for.  Private to
 * lib/disk. */
#ifndef COLDPATCH_DISK_CONFINE_H
#define COLDPATCH_DISK_CONFINE_H

#include <stddef.h>

#include "base/error.h"
#include "base/process.h"
#include "disk/image.h"

enum {
	/* Descriptors for a child are moved here, away from stdio and from where socket activation
	 * wants its socket. */
	CONFINE_FIRST_FD = 10,
	CONFINE_MAX_FILES = 34,
};

/* The files of one image as a child gets them: it opens them again as /proc/self/fd/N. */
struct confined_files {
	int fds[CONFINE_MAX_FILES]; /* the image's files; then the rule set, if there is one */
	size_t n_files;
	size_t n_fds;
	bool writable; /* the first one */
};

/* `writable` opens the first file again, by descriptor, for writing. */
int confined_files_open(const struct image *image, bool writable, struct confined_files *ret,
			struct error *err);
/* One descriptor that is already open for writing; taken over. */
int confined_files_single(int fd, struct confined_files *ret, struct error *err);
void confined_files_close(struct confined_files *files);
#define CLEANUP_CONFINED_FILES __attribute__((cleanup(confined_files_close)))

/* QEMU's "json:" name for the image: format, file and backing of every level; nothing is left for
 * it to find out.  Only the first `depth` levels.  The caller frees. */
char *confined_files_graph(const struct image *image, const struct confined_files *files,
			   size_t depth);

/* For process_spec.child_setup, with a struct confined_files. */
int confine_child(void *opaque);

/* The environment of a confined tool, without the final NULL. */
#define CONFINE_ENVIRONMENT                                                                        \
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",     \
		"MALLOC_ARENA_MAX=2"

/* What a tool wrote says what was wrong, its first line as a rule.  Another process's lock is
 * ERROR_BUSY, a full disk ERROR_SPACE, anything else ERROR_IMAGE. */
int confined_tool_failed(const char *tool, const struct buffer *messages, struct error *err);

#endif
