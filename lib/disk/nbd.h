/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A block device over an NBD connection.  Private to lib/disk. */
#ifndef COLDPATCH_DISK_NBD_H
#define COLDPATCH_DISK_NBD_H

#include <sys/types.h>

#include "disk/block.h"

struct nbd_server {
	int socket;	  /* connected; always taken over */
	const char *name; /* of the image, for messages */
	pid_t pid;	  /* stopped when the device is freed, or by nbd_open on failure; 0: none */
	int sync_fd;	  /* fsynced by block_flush; taken over; -1: the device is read-only */
};

/* Speaks the handshake, for at most `deadline_ms`. */
struct block *nbd_open(const struct nbd_server *server, unsigned deadline_ms, struct error *err);

#endif
