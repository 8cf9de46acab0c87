/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's crypttab(5): how it calls what its encrypted containers hold.  Read as data. */
#ifndef COLDPATCH_GUEST_CRYPTTAB_H
#define COLDPATCH_GUEST_CRYPTTAB_H

#include "guest/guest.h"

enum { CRYPTTAB_LIMIT = 1 << 20 }; /* bytes of the file that are worth reading */

/* Adds the names to the nodes of the volumes that were opened.  Lines that make no sense, or that
 * are of other containers, are passed over. */
void crypttab_apply(const char *text, size_t len, struct guest *guest);
/* The file with the option "initramfs" on the lines of the containers that hold / and /usr: the
 * hook of Debian's cryptsetup then takes them without finding them on the machine that it runs on.
 * NULL: there is no such line.  The caller frees. */
char *crypttab_for_initramfs(const char *text, size_t len, const struct guest *guest);

#endif
