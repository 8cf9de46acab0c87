/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A qemu-nbd that serves one image on a socket that is listened on already.  Private to lib/disk.
 */
#ifndef COLDPATCH_DISK_SERVER_H
#define COLDPATCH_DISK_SERVER_H

#include <sys/types.h>

#include "disk/confine.h"

struct server_spec {
	const struct image *image;
	const struct confined_files *files; /* of `image` */
	int listen_fd;			    /* at or above CONFINE_FIRST_FD */
	const char *const *options; /* of qemu-nbd, at most SERVER_MAX_OPTIONS, NULL-terminated */
	int messages;		    /* where its messages go, or -1 */
};

enum { SERVER_MAX_OPTIONS = 4 };

/* Starts it; the descriptors stay the caller's. */
pid_t server_start(const struct server_spec *spec, struct error *err);

#endif
