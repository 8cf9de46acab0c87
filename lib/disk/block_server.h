/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices for another program, by the names of unix sockets: a thread of ours answers its
 * reads and writes.  What it is given is exactly this device, be it a slice or put together from
 * several, and nothing else of the image; and a write that fails is seen here, whatever the program
 * makes of it.
 *
 * NBD (doc/proto.md of the NBD project): fixed newstyle handshake, simple replies, one export
 * without a name on each socket.
 */
#ifndef COLDPATCH_DISK_BLOCK_SERVER_H
#define COLDPATCH_DISK_BLOCK_SERVER_H

#include "base/memory.h"
#include "disk/block.h"

struct block_export {
	struct block *block; /* belongs to the server until it is stopped */
	bool writable;
	const char *socket_path; /* must not exist; at most 107 bytes */
};

struct block_server;

struct block_server *block_server_start(const struct block_export *exports, size_t n_exports,
					struct error *err);
/* Ends it; clients that are still there are cut off.  -1 with the first error that reading or
 * writing a device met. */
int block_server_stop(struct block_server *server, struct error *err);
/* The same where no answer is wanted; NULL is fine. */
void block_server_free(struct block_server *server);
DEFINE_CLEANUP(struct block_server, block_server_free)

#endif
