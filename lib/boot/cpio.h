/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names and sizes in a cpio archive of the form that the kernel unpacks ("newc", kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst), from bytes as they come. */
#ifndef COLDPATCH_BOOT_CPIO_H
#define COLDPATCH_BOOT_CPIO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct cpio {
	void (*each)(void *opaque, const char *name, uint64_t size);
	void *opaque;
	/* The rest starts as zeros. */
	bool ended;	    /* the trailer was seen; what follows is not read */
	uint64_t taken;	    /* bytes read, with the trailer's padding */
	uint64_t skip;	    /* bytes of content that are still to pass by */
	struct buffer head; /* a header and its name, as far as they came */
};

/* ERROR_GUEST for what is no such archive. */
int cpio_feed(struct cpio *cpio, const char *buf, size_t len, struct error *err);
void cpio_clear(struct cpio *cpio);
#define CLEANUP_CPIO __attribute__((cleanup(cpio_clear)))

#endif
