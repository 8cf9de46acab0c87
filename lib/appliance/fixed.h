/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fixed appliance: kernel, initramfs and root of the VM, made by supermin from the host's own
 * packages once per state of the host, and named by their digest.
 *
 *     CACHE/lock            held while one is looked for or built
 *     CACHE/KEY/            KEY names what it was built from: versions, kernel, supermin's
 *                           description, the host's package database
 *         kernel initrd root README.fixed     read-only; libguestfs takes a directory by the last
 *         digests           three lines "NAME DIGEST": SHA-256, and of root the content digest
 *         manifest.json     the files' inodes, sizes and times: what they were when hashed
 *
 * One whose manifest does not fit any more is built anew; those of other keys go as soon as
 * nobody uses them.
 */
#ifndef COLDPATCH_APPLIANCE_FIXED_H
#define COLDPATCH_APPLIANCE_FIXED_H

#include "base/digest.h"
#include "base/monitor.h"

struct fixed_appliance {
	char *directory;      /* below the cache */
	struct digest digest; /* of the file `digests` */
	int lock;	      /* shared: kept from being removed as long as this is open */
};

/* Finds or builds it; the cache is made when missing.  ERROR_HOST: something to build from is
 * missing, or supermin failed; ERROR_BUSY: interrupted, or another process builds for longer than
 * ten minutes; ERROR_SPACE. */
struct fixed_appliance *fixed_appliance_open(const char *cache, const struct monitor *monitor,
					     struct error *err);
void fixed_appliance_free(struct fixed_appliance *fixed);
DEFINE_CLEANUP(struct fixed_appliance, fixed_appliance_free)

#endif
